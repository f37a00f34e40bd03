// Uploading files into a folder of a branch: a few at a time, each with its progress, failed ones again on demand.
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { headers, query } from '../../api';
import { bytes, count, percent } from '../../format';
import { refresh } from '../../store';
import { Dialog, State } from '../basics';
import { Field } from './act';
import { branchApi } from './paths';

const TOGETHER = 4;

interface Item {
  path: string;
  file: File;
  state: 'waiting' | 'sending' | 'done' | 'failed';
  sent: number;
  message?: string;
}

/** `fetch` tells no progress of what it sends. */
function put(address: string, file: File, keep: boolean, progress: (sent: number) => void): { done: Promise<void>; stop: () => void } {
  const request = new XMLHttpRequest();
  const done = new Promise<void>((resolve, reject) => {
    request.open('PUT', `/api/v1${address}`);
    for (const [key, value] of Object.entries(headers())) request.setRequestHeader(key, value);
    if (keep) request.setRequestHeader('if-none-match', '*');
    request.upload.onprogress = (event) => progress(event.loaded);
    request.onload = () => {
      if (request.status < 300) return resolve();
      let message = `${request.status} ${request.statusText}`;
      try {
        const { error } = JSON.parse(request.responseText) as { error?: { message?: string; hint?: string } };
        if (error?.message) message = [error.message, error.hint].filter(Boolean).join(': ');
      } catch {
        // No JSON: the status says what there is to say.
      }
      reject(new Error(message));
    };
    request.onerror = () => reject(new Error('the connection was lost'));
    request.onabort = () => reject(new Error('stopped'));
    request.send(file);
  });
  return { done, stop: () => request.abort() };
}

export function UploadDialog({ repository, branch, folder: into, files, onClose }: { repository: string; branch: string; folder: string; files: File[]; onClose: () => void }) {
  const [folder, setFolder] = useState(into);
  const [keep, setKeep] = useState(false);
  const [items, setItems] = useState<Item[]>([]);
  const [busy, setBusy] = useState(false);
  const stops = useRef(new Set<() => void>());
  const add = (some: File[]) => setItems((old) => [...old, ...some.map((file): Item => ({ path: file.webkitRelativePath || file.name, file, state: 'waiting', sent: 0 }))]);
  const given = useRef<File[]>([]);
  useEffect(() => {
    if (given.current === files) return;
    given.current = files;
    add(files);
  }, [files]);
  useEffect(() => () => stops.current.forEach((stop) => stop()), []);

  const start = async () => {
    setBusy(true);
    const prefix = folder === '' || folder.endsWith('/') ? folder : `${folder}/`;
    const queue = items.flatMap((item, place) => (item.state === 'waiting' || item.state === 'failed' ? [place] : []));
    const change = (place: number, with_: Partial<Item>) => setItems((old) => old.map((item, at) => (at === place ? { ...item, ...with_ } : item)));
    const worker = async () => {
      for (;;) {
        const place = queue.shift();
        const item = place === undefined ? undefined : items[place];
        if (place === undefined || !item) return;
        change(place, { state: 'sending', sent: 0, message: undefined });
        const sending = put(`${branchApi(repository, branch)}/object${query({ path: prefix + item.path })}`, item.file, keep, (sent) => change(place, { sent }));
        stops.current.add(sending.stop);
        try {
          await sending.done;
          change(place, { state: 'done', sent: item.file.size });
        } catch (problem) {
          change(place, { state: 'failed', message: problem instanceof Error ? problem.message : String(problem) });
        }
        stops.current.delete(sending.stop);
      }
    };
    await Promise.all(Array.from({ length: TOGETHER }, worker));
    setBusy(false);
    refresh();
  };
  const left = items.filter((item) => item.state === 'waiting' || item.state === 'failed').length;
  const done = items.filter((item) => item.state === 'done').length;
  const total = items.reduce((sum, item) => sum + item.file.size, 0);
  const sent = items.reduce((sum, item) => sum + (item.state === 'done' ? item.file.size : item.sent), 0);
  return (
    <Dialog
      title={`Upload to ${branch}`}
      onClose={onClose}
      footer={
        <>
          <button type="button" onClick={onClose}>{busy ? 'Stop' : done > 0 ? 'Close' : 'Cancel'}</button>
          <button type="button" className="primary" disabled={busy || left === 0} onClick={() => void start()}>{done > 0 && left > 0 ? `Try ${left} again` : `Upload ${count(left, 'file')}`}</button>
        </>
      }
    >
      <Dropped active={!busy} onFiles={add}>
        <div className="drop">
          <p>Drop files here, or choose</p>
          <div className="row">
            <Chooser label="Files…" onFiles={add} disabled={busy} />
            <Chooser label="A folder…" onFiles={add} disabled={busy} whole />
          </div>
        </div>
      </Dropped>
      <Field label="Into the folder" note="Empty for the top of the repository."><input type="text" value={folder} disabled={busy} onChange={(event) => setFolder(event.target.value)} /></Field>
      <label className="row"><input type="checkbox" checked={keep} disabled={busy} onChange={(event) => setKeep(event.target.checked)} /> Leave objects alone that are there already</label>
      {items.length > 0 && (
        <>
          <p className="row" role="status">
            <span>{done} of {count(items.length, 'file')}</span> <span className="muted">{bytes(sent)} of {bytes(total)}{total > 0 ? `, ${percent(sent / total)}` : ''}</span>
          </p>
          <ul className="uploads">
            {[...items].sort((a, b) => rank(a) - rank(b)).slice(0, 100).map((item) => (
              <li key={item.path}>
                <span className="clip" title={item.path}>{item.path}</span>
                <span className="muted">{bytes(item.file.size)}</span>
                {item.state === 'sending' ? <progress max={item.file.size || 1} value={item.sent} aria-label={`upload of ${item.path}`} /> : <State value={item.state} />}
                {item.message && <small className="alarm-text">{item.message}</small>}
              </li>
            ))}
          </ul>
          {items.length > 100 && <p className="muted">and {items.length - 100} more</p>}
        </>
      )}
    </Dialog>
  );
}

/** What needs a look comes first. */
const rank = (item: Item) => ['failed', 'sending', 'waiting', 'done'].indexOf(item.state);

function Chooser({ label, onFiles, disabled, whole }: { label: string; onFiles: (files: File[]) => void; disabled: boolean; whole?: boolean }) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <button type="button" disabled={disabled} onClick={() => input.current?.click()}>{label}</button>
      <input
        ref={input}
        type="file"
        hidden
        multiple
        aria-label={label}
        {...(whole ? { webkitdirectory: '' } : {})}
        onChange={(event) => {
          onFiles([...(event.target.files ?? [])]);
          event.target.value = '';
        }}
      />
    </>
  );
}

/** Takes files that are dropped on it. */
export function Dropped({ active, onFiles, children }: { active: boolean; onFiles: (files: File[]) => void; children: ReactNode }) {
  const [over, setOver] = useState(false);
  if (!active) return children;
  return (
    <div
      className="dropped"
      data-over={over}
      onDragOver={(event) => { if (event.dataTransfer.types.includes('Files')) { event.preventDefault(); setOver(true); } }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        onFiles([...event.dataTransfer.files]);
      }}
    >
      {children}
    </div>
  );
}
