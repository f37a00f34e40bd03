// Search for a place or a thing by name or id, and the list of keys.
import { useEffect, useMemo, useRef, useState } from 'react';
import { type Run, call } from '../api';
import { short } from '../format';
import { enc, navigate } from '../router';
import { Dialog } from './basics';
import { Icon, type IconName } from './icons';
import '../styles/palette.css';

interface Place {
  href: string;
  label: string;
  icon: IconName;
  key: string;
}

interface Found {
  icon: IconName;
  label: string;
  detail: string;
  href: string;
}

const NOUNS: [string, string, IconName, string?][] = [
  ['repositories', 'repository', 'repository', '/data/repositories?limit=1000'],
  ['datasets', 'dataset', 'data'],
  ['pipelines', 'pipeline', 'pipeline'],
  ['models', 'model', 'model'],
  ['endpoints', 'endpoint', 'serving'],
  ['monitors', 'monitor', 'monitoring'],
];

async function things(): Promise<Found[]> {
  const lists = NOUNS.map(async ([list, noun, icon, path]): Promise<Found[]> => {
    const answer = await call<Record<string, { name: string }[]>>(path ?? `/${list}`);
    return (answer[list] ?? []).map((item) => ({ icon, label: item.name, detail: noun, href: `/${list}/${enc(item.name)}` }));
  });
  const runs = call<{ runs: Run[] }>('/runs?limit=300').then((answer) =>
    answer.runs.map((run): Found => ({ icon: 'training', label: run.name || short(run.id), detail: `run in ${run.experiment} · ${run.id}`, href: `/runs/${enc(run.id)}` })),
  );
  const settled = await Promise.allSettled([...lists, runs]);
  return settled.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
}

const ID = /^([0-9a-f]{32}|(sha256|blake3):[0-9a-f]{64})$/i;

export function Palette({ places, onClose }: { places: Place[]; onClose: () => void }) {
  const [text, setText] = useState('');
  const [all, setAll] = useState<Found[]>([]);
  const [at, setAt] = useState(0);
  const list = useRef<HTMLUListElement>(null);
  const input = useRef<HTMLInputElement>(null);
  // After the dialog opened, which puts the focus on its first control.
  useEffect(() => input.current?.focus(), []);
  useEffect(() => {
    let gone = false;
    void things().then((found) => {
      if (!gone) setAll(found);
    });
    return () => {
      gone = true;
    };
  }, []);

  const hits = useMemo(() => {
    const wanted = text.trim().toLowerCase();
    const base: Found[] = [...places.map((place) => ({ icon: place.icon, label: place.label, detail: 'page', href: place.href })), ...all];
    const matching = wanted === '' ? base.slice(0, places.length) : base.filter((item) => `${item.label} ${item.detail}`.toLowerCase().includes(wanted));
    if (ID.test(wanted)) {
      const kind = wanted.includes(':') ? 'artifact' : 'run';
      matching.push(
        { icon: 'lineage', label: `Why this prediction: ${short(wanted)}`, detail: 'prediction id', href: `/why/${wanted}` },
        { icon: 'lineage', label: `Lineage of ${short(wanted)}`, detail: kind, href: `/lineage?kind=${kind}&key=${wanted}` },
      );
    }
    return matching.slice(0, 40);
  }, [text, all, places]);
  const chosen = Math.min(at, hits.length - 1);

  const go = (item: Found | undefined) => {
    if (!item) return;
    onClose();
    navigate(item.href);
  };
  const move = (step: number) => {
    const next = Math.max(0, Math.min(hits.length - 1, chosen + step));
    setAt(next);
    list.current?.children[next]?.scrollIntoView({ block: 'nearest' });
  };

  return (
    <Dialog title="Search" onClose={onClose}>
      <input
        ref={input}
        type="search"
        className="palette-input"
        role="combobox"
        aria-label="Search pages, models, runs, ids"
        aria-expanded="true"
        aria-controls="palette-hits"
        aria-activedescendant={hits.length > 0 ? `hit-${chosen}` : undefined}
        placeholder="A name, or an id from a log or a prediction"
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setAt(0);
        }}
        onKeyDown={(event) => {
          if (event.key === 'ArrowDown') move(1);
          else if (event.key === 'ArrowUp') move(-1);
          else if (event.key === 'Enter') go(hits[chosen]);
          else return;
          event.preventDefault();
        }}
      />
      <ul className="hits" id="palette-hits" role="listbox" aria-label="Results" ref={list}>
        {hits.map((item, index) => (
          <li key={item.href + item.label} id={`hit-${index}`} role="option" aria-selected={index === chosen} onClick={() => go(item)} onMouseMove={() => setAt(index)}>
            <Icon name={item.icon} />
            <span className="clip">{item.label}</span>
            <span className="muted clip">{item.detail}</span>
          </li>
        ))}
      </ul>
      {hits.length === 0 && <p className="muted">Nothing is called that. A whole id finds its lineage.</p>}
    </Dialog>
  );
}

export function Help({ places, onClose }: { places: Place[]; onClose: () => void }) {
  const keys: [string, string][] = [
    ['/', 'search'],
    ['?', 'this list'],
    ...places.map((place): [string, string] => [`g ${place.key}`, place.label]),
    ['j  k', 'next and previous row'],
    ['Enter', 'open the row'],
    ['x', 'select the row (runs)'],
    ['c', 'compare what is selected (runs)'],
    ['1 2 3 4', 'graph, time, tasks, data (a pipeline run)'],
    ['n', 'next failed task'],
    ['o', 'open or close the graph or loop'],
    ['l  d', 'log or data of the task'],
    ['Esc', 'close'],
  ];
  return (
    <Dialog title="Keyboard" onClose={onClose}>
      <dl className="keys">
        {keys.map(([key, what]) => (
          <div key={key}>
            <dt>{key.split(' ').filter(Boolean).map((part) => <kbd key={part}>{part}</kbd>)}</dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}

