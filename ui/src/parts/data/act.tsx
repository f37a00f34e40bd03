// What changes something: a button's work, its error, and the dialogs that ask before.
import { type ReactNode, useCallback, useId, useState } from 'react';
import { ApiError } from '../../api';
import { refresh } from '../../store';
import { Dialog, Failure } from '../basics';

export interface Action {
  busy: boolean;
  error: ApiError | null;
  /** True if it went well. What is on screen is read again then. */
  run: (work: () => Promise<unknown>) => Promise<boolean>;
}

export function useAction(): Action {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const run = useCallback(async (work: () => Promise<unknown>) => {
    setBusy(true);
    setError(null);
    try {
      await work();
      refresh();
      return true;
    } catch (problem) {
      setError(problem instanceof ApiError ? problem : new ApiError(0, 'unexpected', String(problem)));
      return false;
    } finally {
      setBusy(false);
    }
  }, []);
  return { busy, error, run };
}

interface FormProps {
  title: string;
  submit: string;
  danger?: boolean;
  ready?: boolean;
  /** what it says when `act` failed */
  failed: string;
  act: () => Promise<unknown>;
  onClose: () => void;
  onDone?: () => void;
  /** `act` shows something else when it went well */
  stay?: boolean;
  children: ReactNode;
  /** beside an error, such as where its report is */
  after?: (error: ApiError) => ReactNode;
}

/** A dialog with one thing to do. It stays open, with the error, where that fails. */
export function FormDialog({ title, submit, danger, ready = true, failed, act, onClose, onDone, stay, children, after }: FormProps) {
  const action = useAction();
  const id = useId();
  return (
    <Dialog
      title={title}
      onClose={onClose}
      footer={
        <>
          <button type="button" onClick={onClose}>Cancel</button>
          <button type="submit" form={id} className={danger ? 'danger' : 'primary'} disabled={!ready || action.busy}>{submit}</button>
        </>
      }
    >
      <form
        id={id}
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void action.run(act).then((done) => {
            if (!done) return;
            if (!stay) onClose();
            onDone?.();
          });
        }}
      >
        {children}
        {action.error && <Failure error={action.error} title={failed} />}
        {action.error && after?.(action.error)}
      </form>
    </Dialog>
  );
}

/** A name above its control. */
export function Field({ label, note, children }: { label: string; note?: ReactNode; children: ReactNode }) {
  return (
    <label className="field">
      <span>{label}</span>
      {children}
      {note && <small className="muted">{note}</small>}
    </label>
  );
}

/** Keys and values, one more line than there are. */
export function Pairs({ label, value, onChange }: { label: string; value: [string, string][]; onChange: (value: [string, string][]) => void }) {
  const lines: [string, string][] = [...value, ['', '']];
  const set = (at: number, place: 0 | 1, text: string) => {
    const next = lines.map((line): [string, string] => [...line]);
    const line = next[at];
    if (line) line[place] = text;
    onChange(next.filter(([key, content]) => key !== '' || content !== ''));
  };
  return (
    <fieldset className="pairs">
      <legend>{label}</legend>
      {lines.map(([key, content], at) => (
        <div key={at} className="row">
          <input type="text" aria-label={`${label}: key ${at + 1}`} placeholder="key" value={key} size={16} onChange={(event) => set(at, 0, event.target.value)} />
          <input type="text" aria-label={`${label}: value ${at + 1}`} placeholder="value" className="grow" value={content} onChange={(event) => set(at, 1, event.target.value)} />
        </div>
      ))}
    </fieldset>
  );
}

export const pairsOf = (value: [string, string][]) => Object.fromEntries(value.filter(([key]) => key.trim() !== '').map(([key, content]) => [key.trim(), content]));
