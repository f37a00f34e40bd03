// A pipeline as it is written down: what would run, before anything runs.
import { useState } from 'react';
import type { Pipeline, Plan, PlanGraph as Graphed } from '../../api';
import { Graph, type GraphEdge, type GraphNode } from '../graph';

export function PlanGraph({ pipeline }: { pipeline: Pipeline }) {
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set());
  const { plan } = pipeline;
  const label = `tasks of ${pipeline.name}`;
  if (!plan) {
    return (
      <Graph
        label={label}
        height={280}
        nodes={pipeline.steps.map((step) => ({ id: step.name, title: step.name, detail: step.run ?? step.environment ?? '' }))}
        edges={pipeline.steps.flatMap((step) => step.needs.map((need) => ({ from: need, to: step.name })))}
      />
    );
  }
  const toggle = (name: string) => setClosed((old) => (old.has(name) ? new Set([...old].filter((one) => one !== name)) : new Set([...old, name])));
  const { nodes, edges } = drawn(plan, plan.root, '', closed, toggle);
  return <Graph label={label} height={460} turns nodes={nodes} edges={edges} />;
}

/** Graphs inside of others open to this depth; components may hold each other, but not for ever. */
const DEPTH = 6;

function drawn(plan: Plan, graph: Graphed, before: string, closed: ReadonlySet<string>, toggle: (name: string) => void): { nodes: GraphNode[]; edges: GraphEdge[] } {
  const nodes = graph.tasks.map((task): GraphNode => {
    const id = before + task.name;
    const component = plan.components?.[task.component];
    const inner = component?.graph;
    const conditions = [task.each ? 'for each item' : '', task.when ? `if ${task.when}` : ''].filter(Boolean).join(', ');
    const kind = component?.approval ? 'asks a person' : component?.import ? 'imports an artifact' : inner ? `${inner.tasks.length} tasks` : task.component;
    const node: GraphNode = { id, title: task.display_name || task.name, detail: conditions || kind };
    if (inner && id.split('/').length < DEPTH) {
      const open = !closed.has(id);
      node.fold = { open, act: () => toggle(id) };
      if (open) node.inner = drawn(plan, inner, `${id}/`, closed, toggle);
    }
    return node;
  });
  return { nodes, edges: graph.tasks.flatMap((task) => (task.needs ?? []).map((need) => ({ from: before + need, to: before + task.name }))) };
}
