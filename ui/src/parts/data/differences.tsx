// What differs, folder by folder: each level is read when it is opened. Or as one flat list.
import { type ReactNode, useState } from 'react';
import { query } from '../../api';
import type { ChangeKind, Difference } from '../../data_types';
import { bytes, count } from '../../format';
import { Link, useParam } from '../../router';
import { Bones, Failure, Segments } from '../basics';
import { Icon } from '../icons';
import { Table } from '../table';
import { type Pages, usePages } from './pages';
import { TOPICS, baseName } from './paths';

const LEVEL = 200;

/** A letter as well as a colour. */
const MARKS: Record<ChangeKind, [string, string]> = { added: ['+', 'added'], removed: ['−', 'removed'], changed: ['~', 'changed'], conflict: ['!', 'conflict'] };

export function Mark({ kind }: { kind: ChangeKind }) {
  const [sign, word] = MARKS[kind];
  return <span className="mark" data-kind={kind} title={word}><span aria-hidden="true">{sign}</span><span className="visually-hidden">{word}</span></span>;
}

/** Sizes before and after. */
function Sizes({ of }: { of: Difference }) {
  if (of.is_prefix) return null;
  if (of.left && of.right) return <>{bytes(of.left.size)} <span className="muted" aria-label="became">→</span> {bytes(of.right.size)}</>;
  return <>{bytes((of.right ?? of.left)?.size)}</>;
}

interface Props {
  label: string;
  /** an address below /api/v1 that takes `prefix`, `delimiter`, `after` and `limit`; it has no query, or one that ends open */
  source: string;
  every?: number | false;
  empty: string;
  /** what can be done with one, such as a link to its rows */
  tools?: (of: Difference) => ReactNode;
  /** where the path of an object leads */
  href?: (of: Difference) => string | undefined;
}

const address = (source: string, prefix: string, delimiter: string) => `${source}${source.includes('?') ? '&' : '?'}${query({ prefix, delimiter, limit: LEVEL }).slice(1)}`;

export function Differences(props: Props) {
  const [shape, setShape] = useParam('list', 'folders');
  const flat = shape === 'flat';
  const top = usePages<Difference>('differences', address(props.source, '', flat ? '' : '/'), { topics: TOPICS, every: props.every });
  if (!top.items) return top.error ? <Failure error={top.error} /> : <Bones lines={5} />;
  if (top.items.length === 0) return <p className="inset muted">{props.empty}</p>;
  return (
    <div className="differences">
      <div className="row inset">
        <Segments label="Shape of the list" value={shape as 'folders' | 'flat'} onChange={setShape} options={[['folders', 'Folders'], ['flat', 'All objects']] as const} />
        <span className="muted" role="status">{flat ? `${count(top.items.length, 'object')}${top.unread ? ' read so far' : ''}` : `${count(top.items.length, 'entry', 'entries')}${top.unread ? ' read so far' : ''} at the top`}</span>
      </div>
      {top.error && <Failure error={top.error} stale />}
      {flat ? <Flat {...props} top={top} /> : <ul className="changes" aria-label={props.label}><Level {...props} pages={top} depth={0} /></ul>}
    </div>
  );
}

function Flat({ label, top, tools, href }: Props & { top: Pages<Difference> }) {
  const items = top.items ?? [];
  return (
    <Table
      label={label}
      rows={items}
      id={(item) => item.path}
      height={items.length > 15 ? '60vh' : undefined}
      onEnd={top.more}
      columns={[
        { key: 'path', label: 'Object', width: 'minmax(240px, 3fr)', title: (item) => item.path, render: (item) => <span className="entry"><Mark kind={item.kind} /><Path of={item} href={href} text={item.path} /></span> },
        { key: 'size', label: 'Size', align: 'num', width: '170px', render: (item) => <Sizes of={item} /> },
        ...(tools ? [{ key: 'tools', label: '', width: '140px', render: (item: Difference) => <span className="tools">{tools(item)}</span> }] : []),
      ]}
    />
  );
}

function Path({ of, href, text }: { of: Difference; href: Props['href']; text: string }) {
  const to = href?.(of);
  return to ? <Link className="clip" href={to}>{text}</Link> : <span className="clip">{text}</span>;
}

function Level({ pages, depth, ...props }: Props & { pages: Pages<Difference>; depth: number }) {
  return (
    <>
      {pages.items?.map((item) => (item.is_prefix ? <Fold key={item.path} of={item} depth={depth} {...props} /> : <Leaf key={item.path} of={item} depth={depth} {...props} />))}
      {pages.unread && <li style={{ paddingLeft: 14 + depth * 18 }}><button type="button" className="bare" onClick={pages.more}>Show more</button></li>}
    </>
  );
}

function Fold({ of, depth, ...props }: Props & { of: Difference; depth: number }) {
  const [open, setOpen] = useState(false);
  return (
    <li>
      <div className="change" style={{ paddingLeft: 14 + depth * 18 }}>
        <button type="button" className="fold-line" aria-expanded={open} onClick={() => setOpen(!open)}>
          <span aria-hidden="true" className="muted">{open ? '▾' : '▸'}</span><Icon name="folder" /><span className="clip">{baseName(of.path)}/</span>
        </button>
        <span className="tools">{props.tools?.(of)}</span>
      </div>
      {open && <ul aria-label={of.path}><Inside of={of} depth={depth + 1} {...props} /></ul>}
    </li>
  );
}

function Inside({ of, depth, ...props }: Props & { of: Difference; depth: number }) {
  const pages = usePages<Difference>('differences', address(props.source, of.path, '/'), { topics: TOPICS, every: props.every });
  if (!pages.items) return <li className="inset">{pages.error ? <Failure error={pages.error} /> : <Bones lines={2} />}</li>;
  return <Level pages={pages} depth={depth} {...props} />;
}

function Leaf({ of, depth, tools, href }: Props & { of: Difference; depth: number }) {
  return (
    <li className="change" style={{ paddingLeft: 14 + depth * 18 }} title={of.path}>
      <Mark kind={of.kind} />
      <Path of={of} href={href} text={baseName(of.path)} />
      <span className="soft sizes"><Sizes of={of} /></span>
      <span className="tools">{tools?.(of)}</span>
    </li>
  );
}
