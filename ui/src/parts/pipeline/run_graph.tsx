// The tasks of a run as a graph that is alive. Graphs open inside of it; of a loop one iteration is shown, whichever the reader picks.
import type { StepRun } from '../../api';
import { between, count, duration, number } from '../../format';
import { Graph, type GraphEdge, type GraphNode } from '../graph';
import type { Folds } from './folds';
import { CountBar, TaskGlyph, countsBrief, toneOfTask, wordOf } from './state';
import { type Counts, type Tree, below, countsOf, isHolder, isLoop, isOver, sizeOf, stateOf, taskOf, tally, titleOf } from './tree';

/** Where a graph has more tasks than this, those that stand in the same place become one node. */
const CROWD = 60;
/** So many nodes can be told apart, and laid out at once. */
const MOST = 300;

interface Props {
  tree: Tree;
  folds: Folds;
  chosen: StepRun | undefined;
  now: number;
  height: number;
  onPick: (row: StepRun) => void;
  /** tasks whose names begin with this */
  onCrowd: (start: string) => void;
}

export function RunGraph(props: Props) {
  const { tree } = props;
  const crowds = new Map<string, string>();
  const { nodes, edges } = build(props, null, crowds);
  const drawn = amount(nodes);
  if (drawn > MOST) return <p className="none-drawn muted">{count(drawn, 'task')} are too many for one picture: close some graphs, or look at them as a table.</p>;
  if (nodes.length === 0) return <p className="none-drawn muted">{isOver(tree.run.state) ? 'This run has no tasks.' : 'Its tasks appear here as soon as it starts.'}</p>;
  return (
    <Graph
      label="tasks of this run"
      height={props.height}
      turns
      nodes={nodes}
      edges={edges}
      onPick={(id) => {
        const crowd = crowds.get(id);
        const row = tree.byId.get(id);
        if (crowd !== undefined) props.onCrowd(crowd);
        else if (row) props.onPick(row);
      }}
    />
  );
}

const amount = (nodes: GraphNode[]): number => nodes.reduce((all, node) => all + 1 + (node.inner ? amount(node.inner.nodes) : 0), 0);

function build(props: Props, parent: StepRun | null, crowds: Map<string, string>): { nodes: GraphNode[]; edges: GraphEdge[] } {
  const rows = below(props.tree, parent);
  const groups = rows.length > CROWD ? crowded(rows) : new Map<StepRun, StepRun[]>();
  const hidden = new Map<string, string>();
  const nodes: GraphNode[] = [];
  for (const [first, group] of groups) for (const row of group) hidden.set(row.id, `crowd ${first.id}`);
  for (const row of rows) {
    const group = groups.get(row);
    if (group) {
      const start = beginning(group.map((one) => one.name));
      crowds.set(`crowd ${row.id}`, start);
      nodes.push({ ...crowd(tally(group), group.length), id: `crowd ${row.id}`, title: `${start.slice(start.lastIndexOf('/') + 1) || 'tasks'}… (${number(group.length)})`, current: group.includes(props.chosen as StepRun) });
    } else if (!hidden.has(row.id)) nodes.push(isHolder(props.tree, row) ? holder(props, row, crowds) : leaf(props, row));
  }
  const names = new Map(rows.map((row) => [taskOf(row), hidden.get(row.id) ?? row.id]));
  const pairs = new Set(rows.flatMap((row) => row.needs.flatMap((need) => (names.has(need) ? [`${names.get(need)}\n${names.get(taskOf(row))}`] : []))));
  const edges = [...pairs].map((pair) => ({ from: pair.split('\n')[0] ?? '', to: pair.split('\n')[1] ?? '' })).filter((edge) => edge.from !== edge.to);
  return { nodes, edges };
}

function leaf({ chosen, now }: Props, row: StepRun): GraphNode {
  const state = stateOf(row);
  const took = row.started_at ? duration(between(row.started_at, row.ended_at, now)) : null;
  return {
    id: row.id,
    title: titleOf(row),
    tone: toneOfTask(state),
    icon: <TaskGlyph state={state} />,
    detail: `${wordOf(state)}${took ? `, ${took}` : ''}${row.attempt > 1 ? `, attempt ${row.attempt}` : ''}`,
    current: row.id === chosen?.id,
  };
}

function crowd(counts: Counts, total: number): Omit<GraphNode, 'id' | 'title'> {
  const worst = ['failed', 'asking', 'running', 'cancelled'].find((state) => counts[state]);
  return {
    tone: worst ? toneOfTask(worst) : counts.succeeded || counts.cached ? 'good' : 'still',
    detail: <><CountBar counts={counts} total={total} /> {countsBrief(counts, total)}</>,
  };
}

function holder(props: Props, row: StepRun, crowds: Map<string, string>): GraphNode {
  const { tree, folds, chosen } = props;
  const state = stateOf(row);
  const total = sizeOf(tree, row);
  const counts = countsOf(tree, row);
  const node: GraphNode = {
    id: row.id,
    title: isLoop(row) ? `${titleOf(row)} × ${number(total)}` : titleOf(row),
    tone: toneOfTask(state),
    icon: <TaskGlyph state={state} />,
    detail: total > 0 ? <><CountBar counts={counts} total={total} /> {countsBrief(counts, total)}</> : wordOf(state),
    current: row.id === chosen?.id,
  };
  if (total === 0) return node;
  const open = folds.isOpen(row);
  node.fold = { open, act: () => folds.toggle(row) };
  if (!open) {
    // What is chosen inside of a closed box lights the box up.
    if (chosen?.name.startsWith(`${row.name}/`)) node.current = true;
    return node;
  }
  if (!isLoop(row)) node.inner = build(props, row, crowds);
  else {
    node.title = titleOf(row);
    node.detail = total < 1000 ? countsBrief(counts, total) : `× ${number(total)}, ${countsBrief(counts, total)}`;
    const at = folds.at(row);
    const iteration = below(tree, row).find((one) => one.iteration === at);
    node.head = <Picker tree={tree} loop={row} at={at} onPick={(next) => folds.setAt(row, next)} />;
    node.inner = !iteration ? { nodes: [], edges: [] } : isHolder(tree, iteration) ? build(props, iteration, crowds) : { nodes: [leaf(props, iteration)], edges: [] };
  }
  return node;
}

/** Cells of the strip; more iterations than these share one. */
const CELLS = 48;

/** The iterations of a loop as a strip to run along. */
export function Picker({ tree, loop, at, onPick }: { tree: Tree; loop: StepRun; at: number; onPick: (iteration: number) => void }) {
  const total = sizeOf(tree, loop);
  const rows = below(tree, loop);
  const failed = rows.filter((row) => row.state === 'failed').map((row) => row.iteration ?? 0);
  const next = failed.find((iteration) => iteration > at) ?? failed[0];
  const cells = rows.length === total ? strip(rows, Math.min(CELLS, total)) : null;
  return (
    <div className="picker">
      <button type="button" aria-label="previous iteration" disabled={at <= 0} onClick={() => onPick(at - 1)}>‹</button>
      <span className="picker-strip">
        {cells ? <span className="cells" aria-hidden="true">{cells.map((state, index) => <i key={index} data-state={state} />)}</span> : <CountBar counts={countsOf(tree, loop)} total={total} />}
        <input type="range" min={0} max={total - 1} value={at} aria-label={`iteration of ${titleOf(loop)}`} onChange={(event) => onPick(event.target.valueAsNumber)} />
      </span>
      <button type="button" aria-label="next iteration" disabled={at >= total - 1} onClick={() => onPick(at + 1)}>›</button>
      <b>#{number(at)}</b>
      {next !== undefined && next !== at && <button type="button" onClick={() => onPick(next)}>next failed</button>}
    </div>
  );
}

const RANK = ['failed', 'asking', 'cancelled', 'running', 'retrying', 'queued', 'waiting', 'skipped', 'succeeded', 'cached'];

/** Each cell shows what most needs a look among its iterations. */
function strip(rows: StepRun[], cells: number): string[] {
  return Array.from({ length: cells }, (_, cell) => {
    const own = rows.slice(Math.floor((cell * rows.length) / cells), Math.floor(((cell + 1) * rows.length) / cells)).map(stateOf);
    return RANK.find((state) => own.includes(state)) ?? own[0] ?? 'waiting';
  });
}

/** Tasks that need the same and are needed by the same, by the first of them. Few of a kind stay as they are. */
function crowded(rows: StepRun[]): Map<StepRun, StepRun[]> {
  const users = new Map<string, string[]>();
  for (const row of rows) for (const need of row.needs) users.set(need, [...(users.get(need) ?? []), taskOf(row)]);
  const groups = new Map<string, StepRun[]>();
  for (const row of rows) {
    const place = JSON.stringify([row.shape, [...row.needs].sort(), users.get(taskOf(row)) ?? []]);
    groups.set(place, [...(groups.get(place) ?? []), row]);
  }
  return new Map([...groups.values()].filter((group) => group.length > 8).map((group): [StepRun, StepRun[]] => [group[0] as StepRun, group]));
}

/** What all names begin with. */
function beginning(names: string[]): string {
  let start = names[0] ?? '';
  for (const name of names) while (!name.startsWith(start)) start = start.slice(0, -1);
  return start;
}
