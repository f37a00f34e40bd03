// Server-sent events, read with fetch (an EventSource cannot carry a token), and a reconnect that misses nothing.
import { useSyncExternalStore } from 'react';
import { type Event, headers } from './api';

export type Connection = 'connecting' | 'live' | 'lost' | 'denied';

const eventListeners = new Set<(event: Event) => void>();
const stateListeners = new Set<() => void>();
const reconnectListeners = new Set<() => void>();
let state: Connection = 'connecting';
let last: string | null = null;
let running: AbortController | null = null;

export function onEvent(listener: (event: Event) => void): () => void {
  eventListeners.add(listener);
  return () => eventListeners.delete(listener);
}

/** Called when the stream is back after a loss: what was read before may be old. */
export function onReconnect(listener: () => void): () => void {
  reconnectListeners.add(listener);
  return () => reconnectListeners.delete(listener);
}

export function useConnection(): Connection {
  return useSyncExternalStore(
    (listener) => {
      stateListeners.add(listener);
      return () => stateListeners.delete(listener);
    },
    () => state,
  );
}

export function startLive(): void {
  running?.abort();
  running = new AbortController();
  void keepConnected(running.signal);
}

function become(next: Connection): void {
  if (state === next) return;
  state = next;
  stateListeners.forEach((listener) => listener());
}

async function keepConnected(signal: AbortSignal): Promise<void> {
  let delay = 500;
  let lost = false;
  while (!signal.aborted) {
    try {
      const response = await fetch('/api/v1/events/stream', {
        headers: { ...headers(), accept: 'text/event-stream', ...(last ? { 'last-event-id': last } : {}) },
        signal,
      });
      if (response.status === 401 || response.status === 403) return become('denied');
      if (!response.ok || !response.body) throw new Error(`HTTP ${response.status}`);
      become('live');
      if (lost) reconnectListeners.forEach((listener) => listener());
      delay = 500;
      await read(response.body);
    } catch {
      if (signal.aborted) return;
    }
    become('lost');
    lost = true;
    await new Promise((resume) => setTimeout(resume, delay));
    delay = Math.min(delay * 2, 8000);
  }
}

async function read(body: ReadableStream<Uint8Array>): Promise<void> {
  const reader = body.pipeThrough(new TextDecoderStream() as unknown as ReadableWritablePair<string, Uint8Array>).getReader();
  let buffer = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    buffer = (buffer + value).replaceAll('\r\n', '\n');
    let end: number;
    while ((end = buffer.indexOf('\n\n')) >= 0) {
      message(buffer.slice(0, end));
      buffer = buffer.slice(end + 2);
    }
  }
}

function message(block: string): void {
  let data = '';
  for (const line of block.split('\n')) {
    if (line.startsWith('id:')) last = line.slice(3).trim();
    else if (line.startsWith('data:')) data += line.slice(5).trimStart();
  }
  if (!data) return;
  try {
    const event = JSON.parse(data) as Event;
    eventListeners.forEach((listener) => listener(event));
  } catch {
    // A line that is not an event (a comment of a proxy) says nothing about the loop.
  }
}
