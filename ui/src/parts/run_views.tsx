// Ways of looking at the runs that people gave a name; the server keeps them for everybody in the workspace.
import { useState } from 'react';
import { ApiError, call } from '../api';
import { enc, navigate, useLocation } from '../router';
import { useApi } from '../store';
import { Failure } from './basics';
import { Popover } from './popover';

interface SavedView {
  name: string;
  address: string;
  saved_by: string;
  saved_at: string;
}

/** What is looked at for a moment is no part of a view. */
function address(search: URLSearchParams): string {
  const kept = new URLSearchParams(search);
  kept.delete('selected');
  return kept.toString();
}

export function SavedViews() {
  const { search } = useLocation();
  const views = useApi<{ views: SavedView[] }>('/run-views', { topics: ['run_view'] });
  const [name, setName] = useState('');
  const [error, setError] = useState<ApiError | null>(null);
  const here = address(search);
  const current = views.data?.views.find((view) => view.address === here);
  const act = async (method: string, of: string, body?: unknown) => {
    try {
      await call(`/run-views/${enc(of)}`, { method, ...(body === undefined ? {} : { body }) });
      setError(null);
      setName('');
      views.reload();
    } catch (problem) {
      if (problem instanceof ApiError) setError(problem);
    }
  };
  return (
    <Popover label="Saved views" button={current?.name ?? 'Views'} className="views">
      {(close) => (
        <>
          {views.data?.views.length === 0 && <p className="muted">A view keeps filter, columns, order and groups under a name, for everybody here.</p>}
          <ul>
            {views.data?.views.map((view) => (
              <li key={view.name}>
                <button type="button" className="bare" aria-current={view === current} title={`saved by ${view.saved_by}`} onClick={() => { navigate(`/runs${view.address ? `?${view.address}` : ''}`); close(); }}>{view.name}</button>
                <button type="button" className="bare muted" aria-label={`delete the view ${view.name}`} onClick={() => void act('DELETE', view.name)}>×</button>
              </li>
            ))}
          </ul>
          <form className="row" style={{ flexWrap: 'nowrap' }} onSubmit={(event) => { event.preventDefault(); if (name.trim()) void act('PUT', name.trim(), { address: here }); }}>
            <input type="text" className="grow" style={{ minWidth: 0 }} aria-label="Name of the view" placeholder="Save this view as…" maxLength={100} value={name} onChange={(event) => setName(event.target.value)} />
            <button disabled={!name.trim()}>{views.data?.views.some((view) => view.name === name.trim()) ? 'Replace' : 'Save'}</button>
          </form>
          {error && <Failure error={error} />}
        </>
      )}
    </Popover>
  );
}
