// A step's log, read on as it grows; it follows the end unless the reader scrolled up.
import { useEffect, useRef, useState } from 'react';
import { ApiError, type LogChunk, call } from '../api';
import { enc } from '../router';
import '../styles/log.css';

/** Characters kept on screen; the whole log stays at its address. */
const KEPT = 400_000;

export function Log({ run, step, live }: { run: string; step: string; live: boolean }) {
  const [text, setText] = useState('');
  const [problem, setProblem] = useState<ApiError | null>(null);
  const [read, setRead] = useState(false);
  const box = useRef<HTMLPreElement>(null);
  const follow = useRef(true);
  const alive = useRef(live);
  alive.current = live;

  useEffect(() => {
    const stop = new AbortController();
    setText('');
    setProblem(null);
    setRead(false);
    follow.current = true;
    void (async () => {
      let offset = 0;
      while (!stop.signal.aborted) {
        const wasLive = alive.current;
        try {
          const chunk = await call<LogChunk>(`/pipeline-runs/${enc(run)}/steps/${enc(step)}/log?offset=${offset}`, { signal: stop.signal });
          if (stop.signal.aborted) return;
          setRead(true);
          if (chunk.text) setText((old) => (old + chunk.text).slice(-KEPT));
          const grew = chunk.next_offset > offset;
          offset = chunk.next_offset;
          if (grew) continue;
          if (!wasLive) return;
        } catch (error) {
          if (stop.signal.aborted) return;
          if (error instanceof ApiError) {
            setProblem(error);
            if (error.status !== 404 || !wasLive) return;
          }
        }
        await new Promise((resume) => setTimeout(resume, 1000));
      }
    })();
    return () => stop.abort();
  }, [run, step]);

  useEffect(() => {
    const element = box.current;
    if (element && follow.current) element.scrollTop = element.scrollHeight;
  }, [text]);

  return (
    <pre
      ref={box}
      className="log"
      tabIndex={0}
      role="log"
      aria-label={`log of ${step}`}
      aria-live="off"
      onScroll={(event) => {
        const element = event.currentTarget;
        follow.current = element.scrollHeight - element.scrollTop - element.clientHeight < 40;
      }}
    >
      {text || <span className="muted">{problem && problem.status !== 404 ? problem.message : read || problem ? (live ? 'Nothing printed yet.' : 'This step printed nothing.') : 'Reading…'}</span>}
      {live && text && <span className="caret" aria-hidden="true" />}
    </pre>
  );
}
