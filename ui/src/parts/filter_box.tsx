// The filter of the runs, in MLflow's grammar, with the keys that exist offered while a name is typed.
import { useEffect, useId, useRef, useState } from 'react';
import type { ApiError } from '../api';
import type { Keys } from './run_columns';

const ATTRIBUTES = ['run_name', 'run_id', 'status', 'user_id', 'start_time', 'end_time'];
const WORD = /(metrics|params|tags|attributes)\.[`"]?([\w./\- :]*)$/;

/** A name that nothing is said about yet, or a comparison with nothing, at the end of what was typed: Enter sends it all the same. */
const UNFINISHED = /(^|\sand\s+)(metrics|params|tags|attributes)(\.\S*)?\s*$|(\sand|[=<>!]|\s(i?like|in|is|not))\s*$/i;

interface Offer {
  text: string;
  /** how much of what was typed it replaces */
  from: number;
}

function offers(before: string, keys: Keys): Offer[] {
  const match = WORD.exec(before);
  if (!match) return [];
  const [whole, kind = '', part = ''] = match;
  const names = kind === 'attributes' ? ATTRIBUTES : keys[kind as keyof Keys];
  const small = part.toLowerCase();
  return names
    .filter((name) => name.toLowerCase().includes(small) && name !== part)
    .sort((a, b) => Number(b.toLowerCase().startsWith(small)) - Number(a.toLowerCase().startsWith(small)))
    .slice(0, 8)
    .map((name) => ({ text: `${kind}.${/^\w+$/.test(name) ? name : `\`${name}\``} `, from: before.length - whole.length }));
}

/** Tells what was typed after a pause; Enter tells it at once. */
export function FilterBox({ value, onChange, keys, error }: { value: string; onChange: (text: string) => void; keys: Keys; error: ApiError | null }) {
  const [text, setText] = useState(value);
  const [caret, setCaret] = useState(0);
  const [at, setAt] = useState(0);
  const [open, setOpen] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const told = useRef(value);
  const list = useId();
  const wrong = useId();
  useEffect(() => {
    // The address changed: the back button, or a saved view.
    if (value !== told.current) {
      told.current = value;
      setText(value);
    }
  }, [value]);
  const tell = (next: string) => {
    told.current = next;
    onChange(next);
  };
  useEffect(() => {
    if (text === told.current || UNFINISHED.test(text)) return;
    const timer = setTimeout(() => tell(text), 300);
    return () => clearTimeout(timer);
  });
  const found = open ? offers(text.slice(0, caret), keys) : [];
  const take = (offer: Offer) => {
    const next = text.slice(0, offer.from) + offer.text + text.slice(caret);
    setText(next);
    setCaret(offer.from + offer.text.length);
    setAt(0);
    requestAnimationFrame(() => input.current?.setSelectionRange(offer.from + offer.text.length, offer.from + offer.text.length));
  };
  return (
    <div className="filter-box grow">
      <input
        ref={input}
        type="search"
        role="combobox"
        aria-label="Filter runs"
        aria-expanded={found.length > 0}
        aria-controls={list}
        aria-autocomplete="list"
        aria-invalid={error !== null}
        aria-describedby={error ? wrong : undefined}
        placeholder="A name, or metrics.loss < 0.2 AND params.lr = '0.01'"
        spellCheck={false}
        autoComplete="off"
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setCaret(event.target.selectionStart ?? event.target.value.length);
          setAt(0);
          setOpen(true);
        }}
        onBlur={() => setOpen(false)}
        onKeyDown={(event) => {
          if (event.key === 'Escape' && found.length > 0) {
            event.preventDefault();
            setOpen(false);
          } else if (found.length > 0 && (event.key === 'ArrowDown' || event.key === 'ArrowUp')) {
            event.preventDefault();
            setAt((at + (event.key === 'ArrowDown' ? 1 : found.length - 1)) % found.length);
          } else if (found.length > 0 && (event.key === 'Tab' || event.key === 'Enter')) {
            const offer = found[at];
            if (offer) {
              event.preventDefault();
              take(offer);
            }
          } else if (event.key === 'Enter') tell(text);
        }}
      />
      {found.length > 0 && (
        <ul id={list} role="listbox" aria-label="Keys" className="offers">
          {found.map((offer, index) => (
            <li key={offer.text} role="option" aria-selected={index === at} onPointerDown={(event) => { event.preventDefault(); take(offer); }}>
              {offer.text}
            </li>
          ))}
        </ul>
      )}
      {error && (
        <p id={wrong} className="filter-error" role="alert">
          {error.message}
          {error.hint && <span className="soft"> {error.hint}</span>}
        </p>
      )}
    </div>
  );
}
