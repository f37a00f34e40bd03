// Protecting branches: rules by pattern, the same for the list of branches and for the settings.
import { useState } from 'react';
import { call } from '../../api';
import type { Protection } from '../../data_types';
import { Panel } from '../basics';
import { Table } from '../table';
import { Field, FormDialog } from './act';
import { repoApi } from './paths';

/** Whether a branch's name matches a glob with `*` and `?`. */
export function matches(pattern: string, name: string): boolean {
  const text = pattern.replace(/[.+^${}()|\\]/g, '\\$&').replaceAll('*', '.*').replaceAll('?', '.');
  try {
    return new RegExp(`^${text}$`).test(name);
  } catch {
    return pattern === name;
  }
}

export const guards = (rules: Protection[], branch: string) => rules.filter((rule) => matches(rule.pattern, branch));

export function ProtectionDialog({ repository, pattern: first, rules, onClose }: { repository: string; pattern: string; rules: Protection[]; onClose: () => void }) {
  const own = rules.find((rule) => rule.pattern === first);
  const others = guards(rules, first).filter((rule) => rule.pattern !== first);
  const [pattern, setPattern] = useState(first);
  const [staging, setStaging] = useState(own?.staging ?? false);
  const [commits, setCommits] = useState(own?.commits ?? false);
  const save = () => {
    const rest = rules.filter((rule) => rule.pattern !== first && rule.pattern !== pattern.trim());
    return put(repository, staging || commits ? [...rest, { pattern: pattern.trim(), staging, commits }] : rest);
  };
  return (
    <FormDialog title="Protect branches" submit="Save" ready={pattern.trim() !== ''} failed="The rule was not saved" act={save} onClose={onClose}>
      <Field label="Branches" note="A name, or a pattern such as release-*."><input type="text" value={pattern} autoFocus required spellCheck={false} onChange={(event) => setPattern(event.target.value)} /></Field>
      <label className="row"><input type="checkbox" checked={commits} onChange={(event) => setCommits(event.target.checked)} /> No commits: only merges change it</label>
      <label className="row"><input type="checkbox" checked={staging} onChange={(event) => setStaging(event.target.checked)} /> No uploads and deletions: nothing is staged on it</label>
      {!staging && !commits && <p className="muted">With neither, the rule is taken away.</p>}
      {others.length > 0 && <p className="muted">{others.map((rule) => rule.pattern).join(', ')} guards it as well.</p>}
    </FormDialog>
  );
}

const put = (repository: string, protections: Protection[]) => call(`${repoApi(repository)}/protections`, { method: 'PUT', body: { protections } });

export function ProtectionPanel({ repository, rules }: { repository: string; rules: Protection[] }) {
  const [open, setOpen] = useState<string | null>(null);
  return (
    <Panel title="Protected branches" flush actions={<button type="button" onClick={() => setOpen('')}>New rule…</button>}>
      <Table
        label="Rules that protect branches"
        rows={rules}
        id={(rule) => rule.pattern}
        empty="No branch is protected: everybody who may write may commit to all of them."
        columns={[
          { key: 'pattern', label: 'Branches', width: 'minmax(120px, 1fr)', render: (rule) => <code>{rule.pattern}</code> },
          { key: 'commits', label: 'Commits', width: '110px', render: (rule) => (rule.commits ? 'refused' : 'allowed') },
          { key: 'staging', label: 'Uploads', width: '110px', render: (rule) => (rule.staging ? 'refused' : 'allowed') },
          { key: 'act', label: '', width: '80px', render: (rule) => <button type="button" className="bare" aria-label={`change the rule for ${rule.pattern}`} onClick={() => setOpen(rule.pattern)}>Change</button> },
        ]}
      />
      {open !== null && <ProtectionDialog repository={repository} pattern={open} rules={rules} onClose={() => setOpen(null)} />}
    </Panel>
  );
}
