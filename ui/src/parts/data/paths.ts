// Addresses of versioned data: of the API, and of the pages.
import { query } from '../../api';
import { enc } from '../../router';

/** Prefixes of the kinds of events that change what repositories show. */
export const TOPICS = ['repository', 'branch', 'tag', 'commit', 'hooks', 'pull'];

/** Milliseconds. What is staged comes without an event. */
export const STAGED = 10_000;

export const repoApi = (repository: string) => `/data/repositories/${enc(repository)}`;
export const refApi = (repository: string, reference: string) => `${repoApi(repository)}/refs/${enc(reference)}`;
export const branchApi = (repository: string, branch: string) => `${repoApi(repository)}/branches/${enc(branch)}`;
export const fileApi = (repository: string, reference: string, path: string) => `${refApi(repository, reference)}/object${query({ path })}`;

/** A page of a repository. Slashes stay readable in the query. */
export function pageOf(repository: string, page = '', values: Record<string, string | undefined | null> = {}): string {
  return `/repositories/${enc(repository)}${page && `/${page}`}${query(values).replaceAll('%2F', '/').replaceAll('%2C', ',')}`;
}

/** The page of what stands at a path of a ref: an object, or a folder. */
export const objectPage = (repository: string, reference: string, path: string) => pageOf(repository, '', { ref: reference, path });
export const commitPage = (repository: string, id: string) => pageOf(repository, `commits/${enc(id)}`);

export const baseName = (path: string) => path.replace(/\/+$/, '').split('/').at(-1) || path;
/** With its slash; empty at the top. */
export const parentOf = (path: string) => path.slice(0, path.replace(/\/+$/, '').lastIndexOf('/') + 1);

/** Whether a file may be read as a table. */
export const isTable = (path: string) => /\.(parquet|pq|csv|jsonl|ndjson)$/i.test(path);

/** The name of a table in SQL. */
export function tableName(repository: string, reference: string, path: string): string {
  const name = `${repository}@${reference}:${path}`;
  return /[\s,;()'"]/.test(name) || name.endsWith(':') ? `"${name.replaceAll('"', '""')}"` : name;
}

/** The first digits of a commit's id. */
export const digits = (id: string) => id.slice(0, 12);
/** The first line of a message. */
export const subject = (message: string) => message.split('\n', 1)[0] || 'no message';
export const isCommit = (reference: string) => /^[0-9a-f]{64}$/.test(reference);
/** A ref as people read it: the ids of commits are cut. */
export const refLabel = (reference: string) => reference.replace(/^([0-9a-f]{12})[0-9a-f]{52}/, '$1');
