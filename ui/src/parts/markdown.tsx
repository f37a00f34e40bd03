// Markdown as people write it in notes: headings, lists, tables, code, quotes, emphasis, links. Text becomes elements, never
// HTML, so nothing that somebody wrote can run.
import { type ReactNode, useMemo } from 'react';
import '../styles/markdown.css';

const INLINE = /(`+)([\s\S]*?)\1|\*\*([\s\S]+?)\*\*|__([\s\S]+?)__|\*([^*\s][^*]*?)\*|(?<!\w)_([^_\s][^_]*?)_(?!\w)|~~([\s\S]+?)~~|!?\[([^\]]*)\]\(([^)\s]+)[^)]*\)|(https?:\/\/[^\s<>)]+)/g;

/** Only addresses that lead somewhere and run nothing. */
function safe(to: string): string | null {
  return /^(https?:|mailto:|#|\/(?!\/))/i.test(to) ? to : null;
}

function inline(text: string): ReactNode[] {
  const parts: ReactNode[] = [];
  let last = 0;
  for (const match of text.matchAll(INLINE)) {
    const [whole, , code, bold, bold2, italic, italic2, struck, label, to, bare] = match;
    if (match.index > last) parts.push(text.slice(last, match.index));
    last = match.index + whole.length;
    const key = match.index;
    const strong = bold ?? bold2;
    const soft = italic ?? italic2;
    if (code !== undefined) parts.push(<code key={key}>{code.trim()}</code>);
    else if (strong !== undefined) parts.push(<strong key={key}>{inline(strong)}</strong>);
    else if (soft !== undefined) parts.push(<em key={key}>{inline(soft)}</em>);
    else if (struck !== undefined) parts.push(<del key={key}>{inline(struck)}</del>);
    else {
      const address = safe(to ?? bare ?? '');
      const shown = label || to || bare || '';
      parts.push(address ? <a key={key} href={address} rel="noreferrer noopener" target="_blank">{shown}</a> : shown);
    }
  }
  if (last < text.length) parts.push(text.slice(last));
  return parts;
}

const ITEM = /^(\s*)([-*+]|\d+[.)])\s+(.*)$/;

interface Item {
  indent: number;
  ordered: boolean;
  text: string;
}

/** Items that stand deeper belong to the item before them. */
function list(items: Item[], key: number): ReactNode {
  const base = items[0]?.indent ?? 0;
  const Tag = items[0]?.ordered ? 'ol' : 'ul';
  const nodes: ReactNode[] = [];
  for (let index = 0; index < items.length; ) {
    let next = index + 1;
    while (next < items.length && (items[next]?.indent ?? 0) > base) next += 1;
    const text = items[index]?.text ?? '';
    const task = /^\[([ xX])\]\s+(.*)$/.exec(text);
    nodes.push(
      <li key={index}>
        {task ? <><span aria-label={task[1] === ' ' ? 'open' : 'done'} role="img">{task[1] === ' ' ? '☐' : '☑'}</span> {inline(task[2] ?? '')}</> : inline(text)}
        {next > index + 1 && list(items.slice(index + 1, next), 0)}
      </li>,
    );
    index = next;
  }
  return <Tag key={key}>{nodes}</Tag>;
}

const cells = (line: string) => line.trim().replace(/^\||\|$/g, '').split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll('\\|', '|'));

function blocks(text: string): ReactNode[] {
  const lines = text.replaceAll('\r\n', '\n').split('\n');
  const out: ReactNode[] = [];
  let at = 0;
  const line = (place: number) => lines[place] ?? '';
  while (at < lines.length) {
    const here = line(at);
    const start = at;
    const fence = /^\s*(```+|~~~+)/.exec(here)?.[1];
    const heading = /^(#{1,6})\s+(.*?)\s*#*$/.exec(here);
    if (here.trim() === '') at += 1;
    else if (fence) {
      at += 1;
      const from = at;
      while (at < lines.length && !line(at).trim().startsWith(fence)) at += 1;
      out.push(<pre key={start} className="code" tabIndex={0}>{lines.slice(from, at).join('\n')}</pre>);
      at += 1;
    } else if (heading) {
      // Below the page's own heading and those of its panels.
      const Tag = (['h3', 'h4', 'h5', 'h6', 'h6', 'h6'] as const)[(heading[1]?.length ?? 1) - 1] ?? 'h6';
      out.push(<Tag key={start}>{inline(heading[2] ?? '')}</Tag>);
      at += 1;
    } else if (/^\s*([-*_])(\s*\1){2,}\s*$/.test(here)) {
      out.push(<hr key={start} />);
      at += 1;
    } else if (/^\s*>/.test(here)) {
      while (at < lines.length && /^\s*>/.test(line(at))) at += 1;
      out.push(<blockquote key={start}>{blocks(lines.slice(start, at).map((quoted) => quoted.replace(/^\s*> ?/, '')).join('\n'))}</blockquote>);
    } else if (here.includes('|') && /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/.test(line(at + 1))) {
      at += 2;
      const sides = cells(line(start + 1)).map((rule) => (rule.endsWith(':') ? 'num' : undefined));
      const body: string[][] = [];
      while (at < lines.length && line(at).includes('|')) body.push(cells(line(at++)));
      out.push(
        <div key={start} className="md-table" tabIndex={0}>
          <table>
            <thead><tr>{cells(here).map((cell, index) => <th key={index} className={sides[index]}>{inline(cell)}</th>)}</tr></thead>
            <tbody>{body.map((row, index) => <tr key={index}>{row.map((cell, place) => <td key={place} className={sides[place]}>{inline(cell)}</td>)}</tr>)}</tbody>
          </table>
        </div>,
      );
    } else if (ITEM.test(here)) {
      const items: Item[] = [];
      while (at < lines.length) {
        const match = ITEM.exec(line(at));
        if (match) items.push({ indent: (match[1] ?? '').replaceAll('\t', '    ').length, ordered: /\d/.test(match[2] ?? ''), text: match[3] ?? '' });
        else if (/^\s+\S/.test(line(at)) && items.length > 0) (items.at(-1) as Item).text += ` ${line(at).trim()}`;
        else break;
        at += 1;
      }
      out.push(list(items, start));
    } else {
      while (at < lines.length && line(at).trim() !== '' && (at === start || !/^(#{1,6}\s|\s*(```|~~~|>)|\s*([-*+]|\d+[.)])\s)/.test(line(at)))) at += 1;
      out.push(<p key={start}>{inline(lines.slice(start, at).join('\n'))}</p>);
    }
  }
  return out;
}

export function Markdown({ text }: { text: string }) {
  const shown = useMemo(() => blocks(text), [text]);
  return <div className="markdown">{shown}</div>;
}
