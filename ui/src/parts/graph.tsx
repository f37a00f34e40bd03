// The one graph: laid out by dagre, edges in SVG below, nodes as ordinary links above, so that the keyboard reaches them.
// A node may hold a graph of its own: it is laid out first, and takes the room it needs in the one around it.
import dagre from '@dagrejs/dagre';
import { type PointerEvent, type ReactNode, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { Link } from '../router';
import { type Tone } from './basics';
import '../styles/graph.css';

export interface GraphNode {
  id: string;
  kind?: string;
  title: string;
  detail?: ReactNode;
  tone?: Tone;
  icon?: ReactNode;
  href?: string;
  current?: boolean;
  /** what it holds, drawn inside of it */
  inner?: { nodes: GraphNode[]; edges: GraphEdge[] };
  /** below its title, where it is open */
  head?: ReactNode;
  /** there is something to open or to close */
  fold?: { open: boolean; act: () => void };
}

export interface GraphEdge {
  from: string;
  to: string;
  label?: string;
}

interface View {
  x: number;
  y: number;
  k: number;
}

const WIDTH = 184;
const HEIGHT = 54;
/** Below this scale text cannot be read: the picture is then moved instead of shrunk. */
const READABLE = 0.72;

/** Of an open node: its title, and what stands below that. */
const TITLE = 34;
const HEAD = 44;

interface Box {
  node: GraphNode;
  x: number;
  y: number;
  width: number;
  height: number;
}

interface Edge {
  key: string;
  points: { x: number; y: number }[];
  label: string;
}

interface Layout {
  width: number;
  height: number;
  /** what holds others comes before it */
  boxes: Box[];
  lines: Edge[];
}

function layout(nodes: GraphNode[], edges: GraphEdge[], down: boolean): Layout {
  const labelled = edges.some((edge) => edge.label);
  const graph = new dagre.graphlib.Graph({ multigraph: true });
  graph.setGraph({ rankdir: down ? 'TB' : 'LR', nodesep: 18, ranksep: down ? (labelled ? 40 : 30) : labelled ? 84 : 46, marginx: 12, marginy: 12 });
  graph.setDefaultEdgeLabel(() => ({}));
  const inside = new Map<string, Layout>();
  for (const node of nodes) {
    const inner = node.inner && layout(node.inner.nodes, node.inner.edges, down);
    if (inner) inside.set(node.id, inner);
    graph.setNode(node.id, inner ? { width: Math.max(WIDTH + 60, inner.width), height: TITLE + (node.head ? HEAD : 0) + Math.max(20, inner.height) } : { width: WIDTH, height: HEIGHT });
  }
  const known = new Set(nodes.map((node) => node.id));
  for (const [index, edge] of edges.entries()) {
    if (known.has(edge.from) && known.has(edge.to)) graph.setEdge(edge.from, edge.to, { label: edge.label ?? '' }, String(index));
  }
  dagre.layout(graph);
  type Middle = { x: number; y: number; width: number; height: number };
  const size = graph.graph();
  const boxes: Box[] = [];
  const lines: Edge[] = graph.edges().map((edge) => {
    const found = graph.edge(edge) as { points: { x: number; y: number }[]; label: string };
    const [from, to] = [graph.node(edge.v) as Middle, graph.node(edge.w) as Middle];
    // Edges leave and arrive in the middle of a side, whatever corner the layout found nearest.
    const points = [
      down ? { x: from.x, y: from.y + from.height / 2 } : { x: from.x + from.width / 2, y: from.y },
      ...found.points.slice(1, -1),
      down ? { x: to.x, y: to.y - to.height / 2 } : { x: to.x - to.width / 2, y: to.y },
    ];
    return { key: `${edge.v} ${edge.w} ${edge.name ?? ''}`, points, label: found.label };
  });
  for (const node of nodes) {
    const { x, y, width, height } = graph.node(node.id) as Middle;
    const box = { node, x: x - width / 2, y: y - height / 2, width, height };
    boxes.push(box);
    const inner = inside.get(node.id);
    if (!inner) continue;
    const [dx, dy] = [box.x + (width - inner.width) / 2, box.y + TITLE + (node.head ? HEAD : 0)];
    for (const other of inner.boxes) boxes.push({ ...other, x: other.x + dx, y: other.y + dy });
    for (const other of inner.lines) lines.push({ ...other, key: `${node.id}/${other.key}`, points: other.points.map((point) => ({ x: point.x + dx, y: point.y + dy })) });
  }
  return { width: size.width ?? WIDTH, height: size.height ?? HEIGHT, boxes, lines };
}

/** The layout depends on which nodes there are, not on what they say. */
function shapeOf(nodes: GraphNode[], edges: GraphEdge[]): unknown[] {
  return [nodes.map((node) => (node.inner ? [node.id, node.head ? 1 : 0, shapeOf(node.inner.nodes, node.inner.edges)] : node.id)), edges];
}

function* every(nodes: GraphNode[]): Generator<GraphNode> {
  for (const node of nodes) {
    yield node;
    if (node.inner) yield* every(node.inner.nodes);
  }
}

/** A curve through dagre's points that leaves and arrives level. */
function curve(points: { x: number; y: number }[], down: boolean): string {
  const [first, ...rest] = points;
  if (!first) return '';
  let path = `M${first.x},${first.y}`;
  let before = first;
  for (const point of rest) {
    if (down) {
      const middle = (before.y + point.y) / 2;
      path += `C${before.x},${middle} ${point.x},${middle} ${point.x},${point.y}`;
    } else {
      const middle = (before.x + point.x) / 2;
      path += `C${middle},${before.y} ${middle},${point.y} ${point.x},${point.y}`;
    }
    before = point;
  }
  return path;
}

interface GraphProps {
  nodes: GraphNode[];
  edges: GraphEdge[];
  label: string;
  /** at most */
  height?: number;
  onPick?: (id: string) => void;
  /** it flows down where there is more room for that than to the side */
  turns?: boolean;
}

export function Graph({ nodes, edges, label, height: most = 380, onPick, turns }: GraphProps) {
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState<View>({ x: 0, y: 0, k: 1 });
  const [moved, setMoved] = useState(false);
  const drag = useRef<{ x: number; y: number; view: View; far: boolean } | null>(null);
  const [narrow, setNarrow] = useState(false);
  const [room, setRoom] = useState(1000);
  const shape = JSON.stringify([shapeOf(nodes, edges), narrow, turns ? Math.round(room / 40) : 0]);
  const [placed, upright] = useMemo((): [Layout, boolean] => {
    const level = layout(nodes, edges, narrow);
    if (narrow || !turns || level.width * READABLE <= room) return [level, narrow];
    const turned = layout(nodes, edges, true);
    const scale = (of: Layout) => Math.min(1, room / of.width, most / of.height);
    return scale(turned) > scale(level) * 1.1 ? [turned, true] : [level, false];
  }, [shape]);
  const saying = new Map([...every(nodes)].map((node) => [node.id, node]));
  const height = Math.max(150, Math.min(most, placed.height + 64));

  const fit = () => {
    const element = box.current;
    if (!element) return;
    const k = Math.min(1, Math.max(READABLE, Math.min(element.clientWidth / placed.width, height / placed.height)));
    const focus = placed.boxes.find((box) => saying.get(box.node.id)?.current);
    const at = focus && { x: focus.x + focus.width / 2, y: focus.y + focus.height / 2 };
    // What does not fit even when small is shown from the node that the reader came for.
    const x = placed.width * k <= element.clientWidth || !at ? Math.max(0, (element.clientWidth - placed.width * k) / 2) : Math.max(element.clientWidth - placed.width * k, Math.min(0, element.clientWidth / 2 - at.x * k));
    const y = placed.height * k <= height || !at ? Math.max(0, (height - placed.height * k) / 2) : Math.max(height - placed.height * k, Math.min(0, height / 2 - at.y * k));
    setView({ x, y, k });
    setMoved(false);
  };
  useLayoutEffect(() => {
    // Where there is more height than width, time flows down.
    const width = box.current?.clientWidth ?? 1000;
    if (width !== room) setRoom(width);
    const slim = width < 640;
    if (slim !== narrow) setNarrow(slim);
    fit();
  }, [shape, height]);
  // What becomes the chosen one comes into sight.
  const current = placed.boxes.find((place) => saying.get(place.node.id)?.current);
  const chosen = current?.node.id;
  useEffect(() => {
    const element = box.current;
    if (!element || !current) return;
    const [left, top] = [current.x * view.k + view.x, current.y * view.k + view.y];
    const outside = left < 0 || top < 0 || left + Math.min(current.width, WIDTH) * view.k > element.clientWidth || top + Math.min(current.height, HEIGHT) * view.k > height;
    if (outside) setView({ k: view.k, x: element.clientWidth / 2 - (current.x + current.width / 2) * view.k, y: height / 2 - (current.y + Math.min(current.height, height / view.k) / 2) * view.k });
  }, [chosen]);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const watch = new ResizeObserver(() => {
      setNarrow(element.clientWidth < 640);
      setRoom(element.clientWidth);
      if (!moved) fit();
    });
    watch.observe(element);
    const wheel = (event: WheelEvent) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const bounds = element.getBoundingClientRect();
      zoom(Math.exp(-event.deltaY * 0.002), event.clientX - bounds.left, event.clientY - bounds.top);
    };
    element.addEventListener('wheel', wheel, { passive: false });
    return () => {
      watch.disconnect();
      element.removeEventListener('wheel', wheel);
    };
  }, [shape, moved]);

  const zoom = (by: number, cx: number, cy: number) => {
    setMoved(true);
    setView((old) => {
      const k = Math.min(2, Math.max(0.2, old.k * by));
      return { k, x: cx - ((cx - old.x) * k) / old.k, y: cy - ((cy - old.y) * k) / old.k };
    });
  };
  const centre = (by: number) => zoom(by, (box.current?.clientWidth ?? 0) / 2, height / 2);

  const down = (event: PointerEvent) => {
    if ((event.target as Element).closest('button,input')) return;
    drag.current = { x: event.clientX, y: event.clientY, view, far: false };
  };
  const move = (event: PointerEvent) => {
    const start = drag.current;
    if (!start) return;
    if (event.buttons === 0) {
      drag.current = null;
      return;
    }
    const dx = event.clientX - start.x;
    const dy = event.clientY - start.y;
    if (!start.far && Math.hypot(dx, dy) < 4) return;
    start.far = true;
    setMoved(true);
    setView({ ...start.view, x: start.view.x + dx, y: start.view.y + dy });
  };

  return (
    <div className="graph" ref={box} style={{ height }} role="group" aria-label={label} onPointerDown={down} onPointerMove={move} onPointerUp={() => setTimeout(() => (drag.current = null))}>
      <div className="plane" style={{ transform: `translate(${view.x}px, ${view.y}px) scale(${view.k})`, width: placed.width, height: placed.height }}>
        <svg width={placed.width} height={placed.height} aria-hidden="true">
          <defs>
            <marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
              <path d="M1 1 7 4 1 7" fill="none" stroke="var(--base-line)" strokeWidth="1.3" />
            </marker>
          </defs>
          {placed.lines.map((line) => (
            <path key={line.key} d={curve(line.points, upright)} markerEnd="url(#arrow)" />
          ))}
          {placed.lines.map((line) => {
            const middle = line.points[Math.floor(line.points.length / 2)];
            return line.label && middle ? (
              <text key={line.key} x={middle.x} y={middle.y - 3} textAnchor="middle">{line.label}</text>
            ) : null;
          })}
        </svg>
        {placed.boxes.map((box) => {
          const node = saying.get(box.node.id);
          return node && <Node key={node.id} node={node} box={box} onPick={onPick} dragged={() => drag.current?.far === true} />;
        })}
      </div>
      <div className="zoom">
        <button type="button" aria-label="Zoom in" onClick={() => centre(1.25)}>+</button>
        <button type="button" aria-label="Zoom out" onClick={() => centre(0.8)}>−</button>
        <button type="button" onClick={fit}>Fit</button>
      </div>
    </div>
  );
}

function Node({ node, box, onPick, dragged }: { node: GraphNode; box: Box; onPick?: (id: string) => void; dragged: () => boolean }) {
  const place = { left: box.x, top: box.y, width: box.width, height: box.height };
  const open = node.inner !== undefined;
  const body = (
    <>
      <span className="top">
        {node.icon}
        <span className="clip">{node.title}</span>
        {open && <span className="note clip">{node.detail}</span>}
      </span>
      {!open && <span className="bottom clip">{node.detail ?? node.kind}</span>}
    </>
  );
  const common = { className: open ? 'node title' : node.fold ? 'node folds' : 'node', style: open ? { left: 0, top: 0, width: box.width - 2, height: TITLE } : node.fold ? { inset: 0 } : place, 'data-tone': node.tone ?? 'still', 'aria-current': node.current ? ('true' as const) : undefined, title: node.title, draggable: false };
  const stop = (event: { preventDefault: () => void }) => {
    if (dragged()) event.preventDefault();
  };
  const piece = onPick ? (
    <button type="button" {...common} onClick={() => onPick(node.id)}>{body}</button>
  ) : node.href ? (
    <Link href={node.href} {...common} onClick={stop}>{body}</Link>
  ) : (
    <div {...common}>{body}</div>
  );
  if (!open && !node.fold) return piece;
  return (
    <div className={open ? 'holder open' : 'holder'} style={place} data-tone={node.tone ?? 'still'} data-current={node.current}>
      {piece}
      {node.fold && (
        <button type="button" className="fold" aria-expanded={node.fold.open} aria-label={`${node.fold.open ? 'close' : 'open'} ${node.title}`} onClick={node.fold.act}>
          {node.fold.open ? '−' : '+'}
        </button>
      )}
      {open && node.head && <div className="holder-head">{node.head}</div>}
    </div>
  );
}
