// Versioned data in the native API (/api/v1/data). Commits are named by 64 hexadecimal digits; times are RFC 3339 in UTC.
import type { ColumnProfile, Json } from './api_types';

/** One page of a listing: the items stand below the listing's name, `next` is what to pass as `after`. */
export type Listed<K extends string, T> = { [key in K]: T[] } & { next: string | null };

export interface Repository {
  id: string;
  name: string;
  storage_namespace: string;
  default_branch: string;
  read_only: boolean;
  metadata: Record<string, string>;
  created_at: string;
}

export interface Branch {
  name: string;
  commit: string;
  hidden: boolean;
}

export interface Tag {
  name: string;
  commit: string;
}

export interface Commit {
  id: string;
  /** the first is the one it was made on */
  parents: string[];
  committer: string;
  message: string;
  created_at: string;
  metadata: Record<string, string>;
  /** digest of the tree of its objects */
  root: string;
}

/** Where a ref leads; `branch` is there if staged changes are seen on top. */
export interface Resolved {
  commit: Commit;
  branch: string | null;
}

export interface StoredObject {
  kind: 'object';
  path: string;
  size: number;
  etag: string;
  modified_at: string;
  content_type: string | null;
  metadata: Record<string, string>;
  checksums: Record<string, string>;
  stored: 'blob' | 'slice' | 'parts' | 'external';
  /** of an object that was imported in place */
  address: string | null;
}

/** An object, or a folder: a path that ends with `/`. */
export type Entry = StoredObject | { kind: 'prefix'; path: string };

export type ChangeKind = 'added' | 'removed' | 'changed' | 'conflict';

export interface Side {
  size: number;
  etag: string;
  modified_at: string;
}

export interface Difference {
  path: string;
  kind: ChangeKind;
  is_prefix: boolean;
  left: Side | null;
  right: Side | null;
}

/** Branches whose names match the glob take none of the actions that are true. */
export interface Protection {
  pattern: string;
  staging: boolean;
  commits: boolean;
}

export interface Retention {
  default_days: number;
  branches: Record<string, number>;
}

/** What gates and actions said about one event. */
export interface GateRun {
  id: string;
  branch: string;
  commit: string | null;
  event: string;
  passed: boolean;
  started_at: string;
  ended_at: string | null;
}

export interface GateRunDetail extends GateRun {
  checks: { id: string; action: string; hook: string; passed: boolean; skipped: boolean; started_at: string; ended_at: string | null; output: string }[];
}

export interface Import {
  id: string;
  branch: string;
  objects: number;
  updated_at: string;
  completed: boolean;
  commit: Commit | null;
  error: string | null;
}

/** A file, or the files below a folder, read as one table. */
export interface TableFacts {
  name: string;
  commit: string;
  with_staged: boolean;
  format: 'csv' | 'parquet' | 'jsonl';
  files: number;
  rows: number;
  bytes: number;
}

export interface TableColumn {
  name: string;
  type: string;
  nullable?: boolean;
}

export interface TableRows {
  table: TableFacts;
  offset: number;
  columns: TableColumn[];
  rows: Json[][];
}

export interface TableProfile {
  table: TableFacts;
  profile: { rows: number; columns: ColumnProfile[] };
  sampled: boolean;
}

export interface QueryAnswer {
  columns: TableColumn[];
  rows: Json[][];
  /** rows were left out */
  more: boolean;
  tables: TableFacts[];
}

export interface RowChange {
  kind: 'added' | 'removed' | 'changed';
  key: Record<string, Json>;
  /** columns whose values differ */
  changed: string[];
  left: Record<string, Json> | null;
  right: Record<string, Json> | null;
}

export interface RowDiff {
  left: TableFacts;
  right: TableFacts;
  key: string[];
  added: number;
  removed: number;
  changed: number;
  unchanged: number;
  columns_added: string[];
  columns_removed: string[];
  columns_retyped: { name: string; left: string; right: string }[];
  changes: RowChange[];
  next: number | null;
}
