// Keyboard: single keys and two-key words (`g r`), never while somebody types.
import { useEffect, useRef } from 'react';

type Bindings = Record<string, (() => void) | undefined>;

const stack: { current: Bindings }[] = [];
let prefix: string | null = null;
let prefixTimer: ReturnType<typeof setTimeout> | undefined;

function typing(target: EventTarget | null): boolean {
  const element = target as HTMLElement | null;
  return !!element && (element.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(element.tagName)) && (element as HTMLInputElement).type !== 'checkbox';
}

addEventListener('keydown', (event) => {
  if (event.metaKey || event.ctrlKey || event.altKey || typing(event.target) || document.querySelector('dialog[open]')) return;
  // Enter belongs to the focused control.
  if (event.key === 'Enter' && (event.target as Element).closest('a,button,input')) return;
  const word = prefix ? `${prefix} ${event.key}` : event.key;
  prefix = null;
  for (const bindings of stack.toReversed()) {
    const act = bindings.current[word];
    if (act) {
      event.preventDefault();
      act();
      return;
    }
  }
  if (event.key === 'g') {
    prefix = 'g';
    clearTimeout(prefixTimer);
    prefixTimer = setTimeout(() => (prefix = null), 1200);
  }
});

export function useKeys(bindings: Bindings): void {
  const held = useRef(bindings);
  held.current = bindings;
  useEffect(() => {
    stack.push(held);
    return () => {
      stack.splice(stack.indexOf(held), 1);
    };
  }, []);
}
