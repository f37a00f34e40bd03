// The frame around every page: navigation, keyboard, live state, and which address is which page.
import { Component, type ComponentType, type ReactNode, Suspense, lazy, useEffect, useState } from 'react';
import type { Overview, Server } from './api';
import { useKeys } from './keys';
import { useConnection } from './live';
import { Bones } from './parts/basics';
import { Icon, type IconName, Mark } from './parts/icons';
import { Help, Palette } from './parts/palette';
import { Link, navigate, useLocation } from './router';
import { OVERVIEW, useApi } from './store';

type PageProps = { args: string[] };
const page = (load: () => Promise<{ default: ComponentType<PageProps> }>) => lazy(load);

const ROUTES: [RegExp, ComponentType<PageProps>][] = [
  [/^\/$/, page(() => import('./pages/home'))],
  [/^\/runs$/, page(() => import('./pages/runs'))],
  [/^\/runs\/([^/]+)$/, page(() => import('./pages/run'))],
  [/^\/compare$/, page(() => import('./pages/compare'))],
  [/^\/datasets$/, page(() => import('./pages/datasets'))],
  [/^\/datasets\/([^/]+)$/, page(() => import('./pages/dataset'))],
  [/^\/datasets\/([^/]+)\/labels$/, page(() => import('./pages/labels'))],
  [/^\/repositories$/, page(() => import('./pages/data/repositories'))],
  [/^\/repositories\/([^/]+)$/, page(() => import('./pages/data/objects'))],
  [/^\/repositories\/([^/]+)\/table$/, page(() => import('./pages/data/table'))],
  [/^\/repositories\/([^/]+)\/changes$/, page(() => import('./pages/data/changes'))],
  [/^\/repositories\/([^/]+)\/commits$/, page(() => import('./pages/data/commits'))],
  [/^\/repositories\/([^/]+)\/commits\/([^/]+)$/, page(() => import('./pages/data/commit'))],
  [/^\/repositories\/([^/]+)\/compare$/, page(() => import('./pages/data/compare'))],
  [/^\/repositories\/([^/]+)\/rows$/, page(() => import('./pages/data/rows'))],
  [/^\/repositories\/([^/]+)\/branches$/, page(() => import('./pages/data/branches'))],
  [/^\/repositories\/([^/]+)\/tags$/, page(() => import('./pages/data/tags'))],
  [/^\/repositories\/([^/]+)\/gates$/, page(() => import('./pages/data/gates'))],
  [/^\/repositories\/([^/]+)\/gates\/([^/]+)$/, page(() => import('./pages/data/gate'))],
  [/^\/repositories\/([^/]+)\/query$/, page(() => import('./pages/data/query'))],
  [/^\/repositories\/([^/]+)\/settings$/, page(() => import('./pages/data/settings'))],
  [/^\/models$/, page(() => import('./pages/models'))],
  [/^\/models\/([^/]+)$/, page(() => import('./pages/model'))],
  [/^\/pipelines$/, page(() => import('./pages/pipelines'))],
  [/^\/pipelines\/([^/]+)$/, page(() => import('./pages/pipeline'))],
  [/^\/pipeline-runs$/, page(() => import('./pages/pipeline_runs'))],
  [/^\/schedules$/, page(() => import('./pages/schedules'))],
  [/^\/backfills$/, page(() => import('./pages/backfills'))],
  [/^\/backfills\/([^/]+)$/, page(() => import('./pages/backfill'))],
  [/^\/pipeline-runs\/([^/]+)$/, page(() => import('./pages/pipeline_run'))],
  [/^\/endpoints$/, page(() => import('./pages/endpoints'))],
  [/^\/endpoints\/([^/]+)$/, page(() => import('./pages/endpoint'))],
  [/^\/monitors$/, page(() => import('./pages/monitors'))],
  [/^\/monitors\/([^/]+)$/, page(() => import('./pages/monitor'))],
  [/^\/reviews(?:\/([^/]+))?$/, page(() => import('./pages/reviews'))],
  [/^\/retrainings$/, page(() => import('./pages/retrainings'))],
  [/^\/retrainings\/([^/]+)$/, page(() => import('./pages/retraining'))],
  [/^\/lineage$/, page(() => import('./pages/lineage'))],
  [/^\/why(?:\/([^/]+))?$/, page(() => import('./pages/why'))],
  [/^\/events$/, page(() => import('./pages/events'))],
];
const Missing = page(() => import('./pages/missing'));

/** In the loop's order; the letter after `g` goes there. */
export const PLACES: { href: string; label: string; icon: IconName; key: string; group: number }[] = [
  { href: '/', label: 'Loop', icon: 'loop', key: 'h', group: 0 },
  { href: '/repositories', label: 'Repositories', icon: 'repository', key: 'v', group: 1 },
  { href: '/datasets', label: 'Datasets', icon: 'data', key: 'd', group: 1 },
  { href: '/pipelines', label: 'Pipelines', icon: 'pipeline', key: 'p', group: 1 },
  { href: '/runs', label: 'Runs', icon: 'training', key: 'r', group: 1 },
  { href: '/models', label: 'Models', icon: 'model', key: 'm', group: 1 },
  { href: '/endpoints', label: 'Endpoints', icon: 'serving', key: 'e', group: 1 },
  { href: '/monitors', label: 'Monitors', icon: 'monitoring', key: 'o', group: 1 },
  { href: '/reviews', label: 'Reviews', icon: 'review', key: 'w', group: 1 },
  { href: '/retrainings', label: 'Retrainings', icon: 'retraining', key: 't', group: 1 },
  { href: '/lineage', label: 'Lineage', icon: 'lineage', key: 'l', group: 2 },
  { href: '/events', label: 'Events', icon: 'events', key: 'a', group: 2 },
];

const CONNECTION = { connecting: 'Connecting', live: 'Live', lost: 'Server lost, trying again', denied: 'Sign-in needed' } as const;

/** Detail pages light up the noun that they belong to. */
function placeOf(path: string): string {
  if (path.startsWith('/compare')) return '/runs';
  if (path.startsWith('/pipeline-runs') || path.startsWith('/schedules') || path.startsWith('/backfills')) return '/pipelines';
  if (path.startsWith('/why')) return '/lineage';
  return `/${path.split('/')[1] ?? ''}`;
}

export function App() {
  const { path } = useLocation();
  const connection = useConnection();
  const overview = useApi<Overview>('/overview', OVERVIEW);
  const server = useApi<Server>('/server', { topics: ['server.'] });
  const [menu, setMenu] = useState(false);
  const [overlay, setOverlay] = useState<'search' | 'help' | null>(null);
  useKeys({
    '/': () => setOverlay('search'),
    '?': () => setOverlay('help'),
    ...Object.fromEntries(PLACES.map((place) => [`g ${place.key}`, () => navigate(place.href)])),
  });
  useEffect(() => setMenu(false), [path]);
  useEffect(() => {
    const place = PLACES.find((candidate) => candidate.href === placeOf(path));
    const rest = path.split('/')[2];
    document.title = [rest ? decodeURIComponent(rest) : null, place?.label, 'mlwright'].filter(Boolean).join(' · ');
  }, [path]);

  const needs = overview.data?.attention.length ?? 0;
  const live = (
    <span className="connection" data-state={connection} role="status">
      <i />
      {CONNECTION[connection]}
    </span>
  );
  return (
    <>
      <a className="skip" href="#main">Skip to the page</a>
      <div className="topbar">
        <button type="button" className="icon-button" aria-label="Menu" aria-expanded={menu} onClick={() => setMenu(!menu)}>
          <Icon name="menu" />
        </button>
        <Link className="brand" href="/"><Mark />mlwright</Link>
        {live}
        <button type="button" className="icon-button" aria-label="Search" onClick={() => setOverlay('search')}>
          <Icon name="search" />
        </button>
      </div>
      <div className="shell">
        {menu && <button type="button" className="veil" aria-label="Close the menu" onClick={() => setMenu(false)} />}
        <aside className="side" data-open={menu} aria-label="Navigation">
          <Link className="brand" href="/"><Mark />mlwright</Link>
          <button type="button" className="find" onClick={() => setOverlay('search')}>
            <Icon name="search" />
            Search <kbd>/</kbd>
          </button>
          <nav aria-label="Main">
            {[0, 1, 2].map((group) => (
              <ul key={group}>
                {PLACES.filter((place) => place.group === group).map((place) => (
                  <li key={place.href}>
                    <Link href={place.href} aria-current={placeOf(path) === place.href ? 'page' : undefined}>
                      <Icon name={place.icon} />
                      {place.label}
                      {place.href === '/' && needs > 0 && (
                        <span className="badge" aria-label={`${needs} need attention`} role="img">{needs}</span>
                      )}
                    </Link>
                  </li>
                ))}
              </ul>
            ))}
          </nav>
          <footer>
            {live}
            <span className="clip" title={server.data?.data_dir}>{location.host}{server.data ? ` · ${server.data.version}` : ''}</span>
            <button type="button" className="bare" onClick={() => setOverlay('help')}>Keyboard <kbd>?</kbd></button>
          </footer>
        </aside>
        <main id="main" tabIndex={-1}>
          <Boundary key={path}>
            <Suspense fallback={<Bones lines={8} />}>
              <Page path={path} />
            </Suspense>
          </Boundary>
        </main>
      </div>
      {overlay === 'search' && <Palette places={PLACES} onClose={() => setOverlay(null)} />}
      {overlay === 'help' && <Help places={PLACES} onClose={() => setOverlay(null)} />}
    </>
  );
}

function Page({ path }: { path: string }) {
  const clean = path.length > 1 ? path.replace(/\/+$/, '') : path;
  for (const [pattern, Found] of ROUTES) {
    const match = pattern.exec(clean);
    if (match) return <Found args={match.slice(1).filter((part) => part !== undefined).map(decodeURIComponent)} />;
  }
  return <Missing args={[clean]} />;
}

/** A page that fails leaves the frame standing and says what happened. */
class Boundary extends Component<{ children: ReactNode }, { error: Error | null }> {
  override state: { error: Error | null } = { error: null };
  static getDerivedStateFromError(error: Error) {
    return { error };
  }
  override render() {
    if (!this.state.error) return this.props.children;
    return (
      <div className="notice" role="alert">
        <strong>This page failed to draw</strong>
        <span>{this.state.error.message}</span>
        <span><button type="button" onClick={() => location.reload()}>Load it again</button></span>
      </div>
    );
  }
}
