// Small pieces that every page is made of.
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { ApiError, basic, setToken } from '../api';
import { ago, moment, short, useNow } from '../format';
import { Link } from '../router';
import { Icon } from './icons';

export type Tone = 'good' | 'busy' | 'alarm' | 'warn' | 'still';

const TONES: Record<string, Tone> = {
  ok: 'good', finished: 'good', succeeded: 'good', success: 'good', done: 'good', ready: 'good', passed: 'good', accepted: 'good', cached: 'good', serving: 'good', live: 'good', stable: 'good',
  running: 'busy', training: 'busy', gating: 'busy', promoting: 'busy', dataset: 'busy', triggered: 'busy', waiting_labels: 'busy', shadow: 'busy', canary: 'busy', waiting_approval: 'busy', frozen: 'busy', starting: 'busy', preparing: 'busy', loading: 'busy', retrying: 'busy',
  attention: 'alarm', failed: 'alarm', error: 'alarm', rejected: 'alarm', drifted: 'alarm', timed_out: 'alarm', lost: 'alarm', diverged: 'alarm',
  refused: 'warn', rolled_back: 'warn', killed: 'warn', cancelled: 'warn', canceled: 'warn', skipped: 'warn',
};

export function tone(state: string): Tone {
  return TONES[state.toLowerCase()] ?? 'still';
}

/** True while a thing may still change by itself. */
export function isLive(state: string | undefined): boolean {
  return state !== undefined && ['busy', 'still'].includes(tone(state)) && !['idle', 'none'].includes(state.toLowerCase());
}

const GLYPH: Record<Tone, ReactNode> = {
  good: <path d="M3.2 8.4 6.6 11.8 12.8 4.8" fill="none" stroke="currentColor" strokeWidth="2" strokeLinecap="round" strokeLinejoin="round" />,
  busy: (
    <g className="spin">
      <circle cx="8" cy="8" r="5.6" fill="none" stroke="currentColor" strokeWidth="1.8" opacity="0.28" />
      <path d="M8 2.4A5.6 5.6 0 0 1 13.6 8" fill="none" stroke="currentColor" strokeWidth="1.8" strokeLinecap="round" />
    </g>
  ),
  alarm: <path d="M8 1.6 15 14H1zM8 6.2v3.6M8 11.6v.6" fill="none" stroke="currentColor" strokeWidth="1.7" strokeLinejoin="round" strokeLinecap="round" />,
  warn: (
    <>
      <circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" strokeWidth="1.6" />
      <path d="M4 12 12 4" stroke="currentColor" strokeWidth="1.6" />
    </>
  ),
  still: <circle cx="8" cy="8" r="4.6" fill="none" stroke="currentColor" strokeWidth="1.6" strokeDasharray="2.4 2.4" />,
};

export function Glyph({ tone: which }: { tone: Tone }) {
  return (
    <svg viewBox="0 0 16 16" aria-hidden="true">
      {GLYPH[which]}
    </svg>
  );
}

export function State({ value, label, tone: forced }: { value: string; label?: ReactNode; tone?: Tone }) {
  const which = forced ?? tone(value);
  return (
    <span className="state" data-tone={which}>
      <Glyph tone={which} />
      {label ?? value.toLowerCase().replaceAll('_', ' ')}
    </span>
  );
}

export function Ago({ at }: { at: string | number | null | undefined }) {
  const now = useNow();
  return <time dateTime={typeof at === 'string' ? at : undefined} title={moment(at)}>{ago(at, now)}</time>;
}

export function Page({ title, crumbs, lead, actions, children }: { title: ReactNode; crumbs?: [string, string][]; lead?: ReactNode; actions?: ReactNode; children: ReactNode }) {
  return (
    <>
      <div className="head">
        <div>
          {crumbs && (
            <nav className="crumbs" aria-label="Breadcrumb">
              {crumbs.map(([label, href]) => (
                <span key={href}>
                  <Link href={href}>{label}</Link>
                  <span aria-hidden="true"> ›</span>
                </span>
              ))}
            </nav>
          )}
          <h1>{title}</h1>
          {lead && <p className="lead">{lead}</p>}
        </div>
        {actions && <div className="actions">{actions}</div>}
      </div>
      {children}
    </>
  );
}

export function Panel({ title, actions, children, flush, label }: { title?: ReactNode; actions?: ReactNode; children: ReactNode; flush?: boolean; label?: string }) {
  return (
    <section className="panel" aria-label={label}>
      {title !== undefined && (
        <header>
          <h2>{title}</h2>
          {actions}
        </header>
      )}
      {flush ? children : <div className="body">{children}</div>}
    </section>
  );
}

export function Facts({ items }: { items: [string, ReactNode][] }) {
  return (
    <dl className="facts">
      {items.filter(([, value]) => value !== undefined && value !== null && value !== '').map(([name, value]) => (
        <FactRow key={name} name={name} value={value} />
      ))}
    </dl>
  );
}

function FactRow({ name, value }: { name: string; value: ReactNode }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </>
  );
}

export function Strip({ items }: { items: [string, ReactNode][] }) {
  return (
    <dl className="strip">
      {items.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

export function Figures({ items }: { items: { name: string; value: ReactNode; note?: ReactNode }[] }) {
  return (
    <dl className="figures">
      {items.map((item) => (
        <div key={item.name}>
          <dt>{item.name}</dt>
          <dd>
            {item.value}
            {item.note && <small>{item.note}</small>}
          </dd>
        </div>
      ))}
    </dl>
  );
}

async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

function useCopied(): [boolean, (text: string) => void] {
  const [copied, setCopied] = useState(false);
  return [
    copied,
    (text) => {
      void copy(text).then((done) => {
        setCopied(done);
        if (done) setTimeout(() => setCopied(false), 1400);
      });
    },
  ];
}

/** A digest or id: short, and copied in full by a click. */
export function Id({ value }: { value: string | null | undefined }) {
  const [copied, act] = useCopied();
  if (!value) return <span className="muted">–</span>;
  return (
    <button type="button" className="copy mono" title={`${value} (click copies it)`} onClick={(event) => { event.stopPropagation(); act(value); }}>
      {copied ? 'copied' : short(value)}
      <span className="visually-hidden">, copy it in full</span>
    </button>
  );
}

export function Code({ text, label = 'command' }: { text: string; label?: string }) {
  const [copied, act] = useCopied();
  return (
    <div className="code-box">
      <pre className="code" tabIndex={0} aria-label={label}>{text}</pre>
      <button type="button" onClick={() => act(text)}>{copied ? 'Copied' : 'Copy'}</button>
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/** `title` is what did not work, where that was no reading. */
export function Failure({ error, stale, title }: { error: ApiError; stale?: boolean; title?: string }) {
  if (error.status === 401) return <SignIn />;
  return (
    <div className={stale ? 'notice stale' : 'notice'} role="alert">
      <strong>{title ?? (error.status === 404 ? 'Not found' : stale ? 'What you see may be old' : 'This could not be read')}</strong>
      <span>{error.message}</span>
      {error.hint && <span className="soft">{error.hint}</span>}
    </div>
  );
}

function SignIn() {
  return (
    <form
      className="empty"
      onSubmit={(event) => {
        event.preventDefault();
        const form = new FormData(event.currentTarget);
        const [name, secret] = [String(form.get('name') ?? '').trim(), String(form.get('secret') ?? '')];
        setToken(name ? basic(name, secret) : secret.trim());
        location.reload();
      }}
    >
      <h2>Sign in</h2>
      <p>This server asks who you are. What you enter is kept for this browser tab only.</p>
      <div className="row">
        <input type="text" name="name" aria-label="User name, if you have no token" placeholder="User name" autoComplete="username" size={20} />
        <input type="password" name="secret" aria-label="Password or token" placeholder="Password or token" autoComplete="current-password" required size={32} />
        <button className="primary">Sign in</button>
      </div>
      <p>A token needs no name. Whoever runs the server makes one with:</p>
      <Code text="mlwright token create --user you --role editor" />
    </form>
  );
}

export function Bones({ lines = 6, height = 16 }: { lines?: number; height?: number }) {
  return (
    <div className="stack" role="status" aria-label="loading">
      {Array.from({ length: lines }, (_, index) => (
        <div key={index} className="bone" style={{ height, width: `${96 - ((index * 37) % 40)}%` }} />
      ))}
    </div>
  );
}

/** What to draw for an answer that may be missing, failed, or old. */
export function Await<T>({ of, children, lines }: { of: { data: T | undefined; error: ApiError | null }; children: (data: T) => ReactNode; lines?: number }) {
  if (of.data === undefined) return of.error ? <Failure error={of.error} /> : <Bones lines={lines} />;
  return (
    <>
      {of.error && <Failure error={of.error} stale />}
      {children(of.data)}
    </>
  );
}

export function Segments<T extends string>({ label, value, options, onChange }: { label: string; value: T; options: readonly (readonly [T, string])[]; onChange: (value: T) => void }) {
  return (
    <div className="segments" role="group" aria-label={label}>
      {options.map(([key, text]) => (
        <button type="button" key={key} aria-pressed={key === value} onClick={() => onChange(key)}>
          {text}
        </button>
      ))}
    </div>
  );
}

export function Tabs({ tabs, current }: { tabs: { key: string; label: string; href: string; count?: number }[]; current: string }) {
  const nav = useRef<HTMLElement>(null);
  // On a narrow screen the row scrolls, and the present section would be out of sight.
  useEffect(() => {
    const [row, tab] = [nav.current, nav.current?.querySelector<HTMLElement>('[aria-current]')];
    if (row && tab && tab.offsetLeft + tab.offsetWidth > row.offsetLeft + row.clientWidth) row.scrollLeft = tab.offsetLeft - row.offsetLeft - 40;
  }, [current]);
  return (
    <nav ref={nav} className="tabs" aria-label="Sections">
      {tabs.map((tab) => (
        <Link key={tab.key} href={tab.href} aria-current={tab.key === current ? 'page' : undefined}>
          {tab.label}
          {tab.count !== undefined && <span className="muted">{tab.count}</span>}
        </Link>
      ))}
    </nav>
  );
}

export function Dialog({ title, onClose, children, footer }: { title: string; onClose: () => void; children: ReactNode; footer?: ReactNode }) {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = ref.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog ref={ref} aria-label={title} onCancel={(event) => { event.preventDefault(); onClose(); }} onClick={(event) => { if (event.target === ref.current) onClose(); }}>
      <header>
        <h2>{title}</h2>
        <button type="button" className="icon-button" aria-label="Close" onClick={onClose}>
          <Icon name="close" />
        </button>
      </header>
      <div className="body">{children}</div>
      {footer && <footer>{footer}</footer>}
    </dialog>
  );
}
