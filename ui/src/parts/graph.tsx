// The one graph: laid out by dagre, edges in SVG below, nodes as ordinary links above, so that the keyboard reaches them.
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

function layout(nodes: GraphNode[], edges: GraphEdge[], labelled: boolean, down: boolean) {
  const graph = new dagre.graphlib.Graph({ multigraph: true });
  graph.setGraph({ rankdir: down ? 'TB' : 'LR', nodesep: 18, ranksep: down ? (labelled ? 40 : 30) : labelled ? 84 : 46, marginx: 12, marginy: 12 });
  graph.setDefaultEdgeLabel(() => ({}));
  const known = new Set(nodes.map((node) => node.id));
  for (const node of nodes) graph.setNode(node.id, { width: WIDTH, height: HEIGHT });
  for (const [index, edge] of edges.entries()) {
    if (known.has(edge.from) && known.has(edge.to)) graph.setEdge(edge.from, edge.to, { label: edge.label ?? '' }, String(index));
  }
  dagre.layout(graph);
  const size = graph.graph();
  return {
    width: size.width ?? WIDTH,
    height: size.height ?? HEIGHT,
    place: new Map(nodes.map((node) => [node.id, graph.node(node.id) as { x: number; y: number }])),
    lines: graph.edges().map((edge) => {
      const found = graph.edge(edge) as { points: { x: number; y: number }[]; label: string };
      const [from, to] = [graph.node(edge.v) as { x: number; y: number }, graph.node(edge.w) as { x: number; y: number }];
      // Edges leave and arrive in the middle of a side, whatever corner the layout found nearest.
      const points = [
        down ? { x: from.x, y: from.y + HEIGHT / 2 } : { x: from.x + WIDTH / 2, y: from.y },
        ...found.points.slice(1, -1),
        down ? { x: to.x, y: to.y - HEIGHT / 2 } : { x: to.x - WIDTH / 2, y: to.y },
      ];
      return { key: `${edge.v} ${edge.w} ${edge.name ?? ''}`, points, label: found.label };
    }),
  };
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

export function Graph({ nodes, edges, label, height: most = 380, onPick }: { nodes: GraphNode[]; edges: GraphEdge[]; label: string; height?: number; onPick?: (id: string) => void }) {
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState<View>({ x: 0, y: 0, k: 1 });
  const [moved, setMoved] = useState(false);
  const drag = useRef<{ x: number; y: number; view: View; far: boolean } | null>(null);
  const [narrow, setNarrow] = useState(false);
  const shape = JSON.stringify([nodes.map((node) => node.id), edges, narrow]);
  // The layout depends on which nodes there are, not on what they say.
  const placed = useMemo(() => layout(nodes, edges, edges.some((edge) => edge.label), narrow), [shape]);
  const height = Math.max(150, Math.min(most, placed.height + 64));

  const fit = () => {
    const element = box.current;
    if (!element) return;
    const k = Math.min(1, Math.max(READABLE, Math.min(element.clientWidth / placed.width, height / placed.height)));
    const focus = nodes.find((node) => node.current);
    const at = focus ? placed.place.get(focus.id) : undefined;
    // What does not fit even when small is shown from the node that the reader came for.
    const x = placed.width * k <= element.clientWidth || !at ? Math.max(0, (element.clientWidth - placed.width * k) / 2) : Math.max(element.clientWidth - placed.width * k, Math.min(0, element.clientWidth / 2 - at.x * k));
    const y = placed.height * k <= height || !at ? Math.max(0, (height - placed.height * k) / 2) : Math.max(height - placed.height * k, Math.min(0, height / 2 - at.y * k));
    setView({ x, y, k });
    setMoved(false);
  };
  useLayoutEffect(() => {
    // Where there is more height than width, time flows down.
    const slim = (box.current?.clientWidth ?? 1000) < 640;
    if (slim !== narrow) setNarrow(slim);
    fit();
  }, [shape, height]);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const watch = new ResizeObserver(() => {
      setNarrow(element.clientWidth < 640);
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
    if ((event.target as Element).closest('button')) return;
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
            <path key={line.key} d={curve(line.points, narrow)} markerEnd="url(#arrow)" />
          ))}
          {placed.lines.map((line) => {
            const middle = line.points[Math.floor(line.points.length / 2)];
            return line.label && middle ? (
              <text key={line.key} x={middle.x} y={middle.y - 3} textAnchor="middle">{line.label}</text>
            ) : null;
          })}
        </svg>
        {nodes.map((node) => {
          const at = placed.place.get(node.id);
          if (!at) return null;
          const style = { left: at.x - WIDTH / 2, top: at.y - HEIGHT / 2, width: WIDTH, height: HEIGHT };
          const body = (
            <>
              <span className="top">
                {node.icon}
                <span className="clip">{node.title}</span>
              </span>
              <span className="bottom clip">{node.detail ?? node.kind}</span>
            </>
          );
          const common = { className: 'node', style, 'data-tone': node.tone ?? 'still', 'aria-current': node.current ? ('true' as const) : undefined, title: node.title, draggable: false };
          const stop = (event: { preventDefault: () => void }) => {
            if (drag.current?.far) event.preventDefault();
          };
          if (onPick) return <button type="button" key={node.id} {...common} onClick={() => onPick(node.id)}>{body}</button>;
          if (node.href) return <Link key={node.id} href={node.href} {...common} onClick={stop}>{body}</Link>;
          return <div key={node.id} {...common}>{body}</div>;
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
