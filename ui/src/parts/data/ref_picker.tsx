// Choosing a ref: branches and tags by the beginning of their names, recent commits, or any expression such as main~2.
import { useEffect, useId, useRef, useState } from 'react';
import { query } from '../../api';
import type { Branch, Commit, Listed, Tag } from '../../data_types';
import { useApi } from '../../store';
import { Segments } from '../basics';
import { Icon } from '../icons';
import { Popover } from '../popover';
import { TOPICS, digits, isCommit, refApi, refLabel, repoApi, subject } from './paths';

type Kind = 'branches' | 'tags' | 'commits';
interface Choice {
  ref: string;
  label: string;
  detail?: string;
}
const SHOWN = 60;

interface Props {
  repository: string;
  value: string;
  /** what the choice is for; the button's name begins with it */
  label: string;
  onChange: (reference: string) => void;
  /** the branch whose commits are offered; the chosen ref if left out */
  from?: string;
  /** only branches make sense */
  branchesOnly?: boolean;
}

export function RefPicker(props: Props) {
  const { value, label } = props;
  return (
    <Popover
      label={label}
      className="refs"
      button={
        <span className="ref-button">
          <Icon name={isCommit(value) ? 'commit' : 'branch'} />
          <span className="muted">{label}</span> <b className="clip">{refLabel(value) || 'any'}</b> <span aria-hidden="true" className="muted">▾</span>
        </span>
      }
    >
      {(close) => <Choices {...props} close={close} />}
    </Popover>
  );
}

function Choices({ repository, value, onChange, from, branchesOnly, close }: Props & { close: () => void }) {
  const [kind, setKind] = useState<Kind>(isCommit(value) && !branchesOnly ? 'commits' : 'branches');
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const input = useRef<HTMLInputElement>(null);
  const list = useId();
  useEffect(() => input.current?.focus(), [kind]);
  const typed = text.trim();
  const refs = useApi<Listed<string, Branch | Tag>>(kind === 'commits' ? null : `${repoApi(repository)}/${kind}${query({ prefix: typed, limit: SHOWN })}`, { topics: TOPICS });
  const log = useApi<Listed<'commits', Commit>>(kind === 'commits' ? `${refApi(repository, from ?? value)}/log?limit=${SHOWN}` : null, { topics: TOPICS });
  const named: Choice[] = kind === 'commits'
    ? (log.data?.commits ?? []).filter((commit) => `${commit.id} ${commit.message}`.toLowerCase().includes(typed.toLowerCase())).map((commit) => ({ ref: commit.id, label: digits(commit.id), detail: subject(commit.message) }))
    : (refs.data?.[kind] ?? []).map((ref) => ({ ref: ref.name, label: ref.name }));
  const known = named.some((choice) => choice.ref === typed);
  const choices: Choice[] = typed && !known && !branchesOnly ? [...named, { ref: typed, label: typed, detail: 'as an expression' }] : named;
  const chosen = Math.min(at, choices.length - 1);
  const take = (choice: Choice | undefined) => {
    if (!choice) return;
    close();
    onChange(choice.ref);
  };
  const failed = kind === 'commits' ? log.error : refs.error;
  return (
    <>
      {!branchesOnly && <Segments label="Kind of ref" value={kind} onChange={(next) => { setKind(next); setAt(0); }} options={[['branches', 'Branches'], ['tags', 'Tags'], ['commits', 'Commits']] as const} />}
      <input
        ref={input}
        type="search"
        role="combobox"
        aria-label="Find a ref"
        aria-expanded="true"
        aria-controls={list}
        aria-activedescendant={choices.length > 0 ? `${list}-${chosen}` : undefined}
        placeholder={branchesOnly ? 'A name' : kind === 'commits' ? 'An id, or words of a message' : 'A name, or main~2'}
        autoComplete="off"
        spellCheck={false}
        value={text}
        onChange={(event) => { setText(event.target.value); setAt(0); }}
        onKeyDown={(event) => {
          if (event.key === 'ArrowDown') setAt(Math.min(choices.length - 1, chosen + 1));
          else if (event.key === 'ArrowUp') setAt(Math.max(0, chosen - 1));
          else if (event.key === 'Enter') take(choices[chosen]);
          // In a dialog it closes this list only.
          else if (event.key === 'Escape') close();
          else return;
          event.preventDefault();
        }}
      />
      <ul id={list} role="listbox" aria-label="Refs">
        {choices.map((choice, index) => (
          <li key={choice.ref} id={`${list}-${index}`} role="option" aria-selected={index === chosen} onClick={() => take(choice)} onMouseMove={() => setAt(index)}>
            <span className={kind === 'commits' && choice.detail !== 'as an expression' ? 'mono' : 'clip'}>{choice.label}</span>
            {choice.detail && <span className="muted clip">{choice.detail}</span>}
            {choice.ref === value && <Icon name="check" />}
          </li>
        ))}
      </ul>
      {choices.length === 0 && <p className="muted">{failed ? failed.message : (kind === 'commits' ? log : refs).data ? `No ${kind === 'branches' ? 'branch' : kind === 'tags' ? 'tag' : 'commit'} is called that.` : 'Reading…'}</p>}
      {kind !== 'commits' && refs.data?.next && <p className="muted">The first {SHOWN}; type more of the name.</p>}
    </>
  );
}
