// A step's log, read on as it grows; it follows the end unless the reader scrolled up.
import { useEffect, useRef, useState } from 'react';
import { ApiError, type LogChunk, type StepRun, call } from '../api';
import { bytes } from '../format';
import { enc } from '../router';
import '../styles/log.css';

/** Characters kept on screen; the whole log stays at its address. */
const KEPT = 400_000;

/** Without the offset. */
const address = (run: string, step: string, attempt?: number) => `/pipeline-runs/${enc(run)}/log?step=${enc(step)}${attempt ? `&attempt=${attempt}` : ''}`;

/** Without `attempt`: of the one that runs, or else of the last. */
export function Log({ run, step, attempt, live }: { run: string; step: StepRun; attempt?: number; live: boolean }) {
  const from = address(run, step.id, attempt);
  const [text, setText] = useState('');
  const [problem, setProblem] = useState<ApiError | null>(null);
  const [read, setRead] = useState(false);
  const [behind, setBehind] = useState(false);
  /** bytes before the first that was read */
  const [leftOut, setLeftOut] = useState(0);
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
      let offset: number | null = null;
      while (!stop.signal.aborted) {
        const wasLive = alive.current;
        try {
          const chunk: LogChunk = await call<LogChunk>(offset === null ? `${from}&offset=0&tail=${KEPT}` : `${from}&offset=${offset}`, { signal: stop.signal });
          if (stop.signal.aborted) return;
          setRead(true);
          if (chunk.text) setText((old) => (old + chunk.text).slice(-KEPT));
          if (offset === null) setLeftOut(chunk.offset ?? 0);
          const grew: boolean = chunk.next_offset > (offset ?? chunk.offset ?? 0);
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
  }, [from]);

  useEffect(() => {
    const element = box.current;
    if (element && follow.current) element.scrollTop = element.scrollHeight;
  }, [text]);

  const down = () => {
    follow.current = true;
    setBehind(false);
    if (box.current) box.current.scrollTop = box.current.scrollHeight;
  };
  return (
    <div className="log-box">
      <pre
        ref={box}
        className="log"
        tabIndex={0}
        role="log"
        aria-label={`log of ${step.name}`}
        aria-live="off"
        onScroll={(event) => {
          const element = event.currentTarget;
          follow.current = element.scrollHeight - element.scrollTop - element.clientHeight < 40;
          setBehind(!follow.current);
        }}
      >
        {leftOut > 0 && <span className="muted">{bytes(leftOut)} before this are left out.{'\n'}</span>}
        {text || <span className="muted">{problem && problem.status !== 404 ? problem.message : read || problem ? (live ? 'Nothing printed yet.' : 'This step printed nothing.') : 'Reading…'}</span>}
        {live && text && <span className="caret" aria-hidden="true" />}
      </pre>
      {behind && <button type="button" className="to-end" onClick={down}>{live ? 'Follow' : 'To the end'} ↓</button>}
    </div>
  );
}
