// A button with a box below it; Escape and a press elsewhere close it.
import { type ReactNode, useEffect, useRef, useState } from 'react';

export function Popover({ label, button, children, className }: { label: string; button?: ReactNode; children: (close: () => void) => ReactNode; className?: string }) {
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!open) return;
    const away = (event: Event) => {
      if (event instanceof KeyboardEvent ? event.key === 'Escape' : !box.current?.contains(event.target as Node)) setOpen(false);
    };
    addEventListener('pointerdown', away);
    addEventListener('keydown', away);
    return () => {
      removeEventListener('pointerdown', away);
      removeEventListener('keydown', away);
    };
  }, [open]);
  return (
    <div className="anchor" ref={box}>
      <button type="button" aria-expanded={open} onClick={() => setOpen(!open)}>{button ?? label}</button>
      {open && (
        <div className={`popover ${className ?? ''}`} role="group" aria-label={label}>
          {children(() => setOpen(false))}
        </div>
      )}
    </div>
  );
}
