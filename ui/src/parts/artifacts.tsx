// The files of a run: its folders left, the chosen file right.
import { useState } from 'react';
import { type Artifact, headers, query } from '../api';
import { bytes } from '../format';
import { enc, setParams, useParam } from '../router';
import { useApi } from '../store';
import { Bones, Failure, Panel } from './basics';
import { Icon } from './icons';
import { Preview } from './preview';
import '../styles/artifacts.css';

export interface LoggedModel {
  id: string;
  name: string;
  type: string;
  status: string;
  step: number;
}

export function Artifacts({ run, models }: { run: string; models: LoggedModel[] }) {
  const [path] = useParam('path');
  const [model] = useParam('model');
  const address = (of: string) => `/runs/${enc(run)}/${of}${query({ path, model })}`;
  const name = path.split('/').at(-1) ?? '';
  return (
    <div className="artifacts">
      <Panel title="Files" flush>
        <div className="tree" role="group" aria-label="Files">
          <Folder run={run} model="" path="" depth={0} open={path} chosen={model === '' ? path : ''} quiet={models.length > 0} />
          {models.map((logged) => (
            <div key={logged.id} role="group" aria-label={`model ${logged.name}`}>
              <p className="tree-model"><Icon name="model" /> {logged.name} <span className="muted">{logged.type}{logged.status === 'ready' ? '' : `, ${logged.status}`}</span></p>
              <Folder run={run} model={logged.id} path="" depth={0} open={model === logged.id ? path : ''} chosen={model === logged.id ? path : ''} />
            </div>
          ))}
        </div>
      </Panel>
      {path ? (
        <Panel title={<span className="clip">{path}</span>} actions={<Download address={address('artifact')} name={name} />}>
          <Preview key={address('')} name={name} preview={address('preview')} file={address('artifact')} />
        </Panel>
      ) : (
        <Panel><p className="muted">Choose a file to look at it.</p></Panel>
      )}
    </div>
  );
}

/** A download carries the token, which an ordinary link cannot. */
export function Download({ address, name }: { address: string; name: string }) {
  const [failed, setFailed] = useState(false);
  const plain = Object.keys(headers()).length === 0;
  if (plain) return <a className="button" href={`/api/v1${address}`} download={name}>Download</a>;
  const act = async () => {
    const response = await fetch(`/api/v1${address}`, { headers: headers() });
    setFailed(!response.ok);
    if (!response.ok) return;
    const link = document.createElement('a');
    link.href = URL.createObjectURL(await response.blob());
    link.download = name;
    link.click();
    URL.revokeObjectURL(link.href);
  };
  return <button type="button" onClick={() => void act()}>{failed ? 'Try the download again' : 'Download'}</button>;
}

function Folder({ run, model, path, depth, open, chosen, quiet }: { run: string; model: string; path: string; depth: number; open: string; chosen: string; quiet?: boolean }) {
  const listing = useApi<{ artifacts: Artifact[] }>(`/runs/${enc(run)}/artifacts${query({ path, model })}`, { topics: ['artifact', 'run.finished', 'model'] });
  if (!listing.data) return listing.error ? <Failure error={listing.error} /> : <Bones lines={3} />;
  const items = [...listing.data.artifacts].sort((a, b) => Number(b.is_dir) - Number(a.is_dir) || a.path.localeCompare(b.path, 'en', { numeric: true }));
  if (items.length === 0) return depth === 0 && model === '' && !quiet ? <p className="tree-none muted">Nothing was logged here.</p> : null;
  return (
    <>
      {items.map((item) => (item.is_dir ? <Branch key={item.path} item={item} {...{ run, model, depth, open, chosen }} /> : <Leaf key={item.path} item={item} {...{ model, depth, chosen }} />))}
    </>
  );
}

function Branch({ item, run, model, depth, open, chosen }: { item: Artifact; run: string; model: string; depth: number; open: string; chosen: string }) {
  const inside = open === item.path || open.startsWith(`${item.path}/`);
  const [shown, setShown] = useState(inside);
  return (
    <>
      <button type="button" aria-expanded={shown} className="tree-row" style={{ paddingLeft: 12 + depth * 16 }} onClick={() => setShown(!shown)}>
        <span aria-hidden="true" className="muted">{shown ? '▾' : '▸'}</span>
        <span className="artifact-icon"><Icon name="folder" /></span>
        <span className="clip">{item.path.split('/').at(-1)}</span>
      </button>
      {shown && <Folder run={run} model={model} path={item.path} depth={depth + 1} open={open} chosen={chosen} />}
    </>
  );
}

function Leaf({ item, model, depth, chosen }: { item: Artifact; model: string; depth: number; chosen: string }) {
  return (
    <button type="button" aria-current={item.path === chosen ? 'true' : undefined} className="tree-row" style={{ paddingLeft: 28 + depth * 16 }} onClick={() => setParams({ path: item.path, model }, { push: true })}>
      <span className="artifact-icon"><Icon name="file" /></span>
      <span className="clip">{item.path.split('/').at(-1)}</span>
      <span className="muted size">{bytes(item.size)}</span>
    </button>
  );
}
