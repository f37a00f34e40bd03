// The metadata graph as a picture: an edge in the ledger points from effect to cause; here time flows left to right.
import type { Lineage, LineageNode } from '../api';
import { hrefOf } from '../events';
import { plain, short, words } from '../format';
import { Graph } from './graph';
import { Icon, type IconName } from './icons';

const ICONS: Record<string, IconName> = {
  file: 'file',
  dataset_version: 'data',
  data: 'data',
  commit: 'commit',
  repository: 'repository',
  code: 'code',
  environment: 'folder',
  pipeline_run: 'pipeline',
  step_run: 'pipeline',
  artifact: 'file',
  run: 'training',
  model_version: 'model',
  evaluation: 'gates',
  endpoint_revision: 'serving',
  prediction_segment: 'events',
  prediction: 'serving',
  monitor_window: 'monitoring',
  retraining: 'retraining',
};

/** Edges are kept as sentences of the effect; the arrows here run from cause to effect, so the verb is turned. */
const FORWARD: Record<string, string> = {
  used: 'used by',
  produced_by: 'made',
  part_of: 'has part',
  evaluated: 'judged by',
  deployed: 'deployed in',
  served_by: 'answered',
  observed: 'observed by',
  triggered_by: 'triggered',
  parent: 'came before',
  holds: 'held by',
  read: 'read by',
};

export function nodeName(node: LineageNode): string {
  const prop = (key: string) => (node.props[key] === undefined || node.props[key] === null ? '' : plain(node.props[key]));
  const name = prop('name') || prop('model') || prop('dataset') || prop('endpoint') || prop('monitor') || prop('step') || prop('pipeline') || prop('policy') || (prop('git_commit') && `commit ${prop('git_commit').slice(0, 8)}`);
  if (node.kind === 'commit') return `${name ? `${name} ` : ''}${node.key.slice(0, 8)}`;
  const number = prop('number') || prop('version');
  return name ? `${name}${number ? ` v${number}` : ''}` : short(node.key);
}

export function LineageGraph({ lineage, focus, height = 460 }: { lineage: Lineage; focus?: { kind: string; key: string }; height?: number }) {
  return (
    <Graph
      label="Lineage"
      height={height}
      nodes={lineage.nodes.map((node) => {
        const current = node.kind === focus?.kind && node.key === focus.key;
        return {
          id: String(node.id),
          title: nodeName(node),
          detail: words(node.kind),
          icon: <Icon name={ICONS[node.kind] ?? 'lineage'} />,
          tone: node.props.passed === false || node.props.drifted === true || node.props.state === 'failed' ? 'alarm' : 'still',
          current,
          href: `/lineage?kind=${node.kind}&key=${encodeURIComponent(node.key).replaceAll('%3A', ':')}`,
        };
      })}
      edges={lineage.edges.map((edge) => ({ from: String(edge.to), to: String(edge.from), label: FORWARD[edge.kind] ?? words(edge.kind) }))}
    />
  );
}

export function pageOf(node: LineageNode): string | null {
  const href = hrefOf(node.kind, node.key, node.props);
  return href.startsWith('/lineage') ? null : href;
}
