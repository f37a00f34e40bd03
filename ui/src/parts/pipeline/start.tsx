// Starting a pipeline: its inputs as a form, each with the type that it has.
import { useState } from 'react';
import { ApiError, type Json, type Pipeline, type PlanPort, call } from '../../api';
import { enc, navigate } from '../../router';
import { Field, FormDialog } from '../data/act';

export interface Input {
  name: string;
  kind: 'text' | 'number' | 'integer' | 'boolean' | 'json';
  value: Json | undefined;
  optional: boolean;
  allowed: Json[];
}

function kindOf(port: PlanPort): Input['kind'] {
  if (typeof port.of !== 'string') return 'json';
  return ({ integer: 'integer', number: 'number', text: 'text', boolean: 'boolean' } as const)[port.of] ?? 'json';
}

/** Of the plan's root, or the parameters of a declared pipeline. Artifacts cannot be typed in. */
export function inputsOf(pipeline: Pipeline): Input[] {
  const ports = pipeline.plan?.root.inputs;
  if (ports) {
    return Object.entries(ports).flatMap(([name, port]): Input[] => (typeof port.of === 'object' ? [] : [{ name, kind: kindOf(port), value: port.default, optional: port.optional === true || port.default !== undefined, allowed: port.allowed ?? [] }]));
  }
  return Object.entries(pipeline.params ?? {}).map(([name, value]) => ({ name, kind: typeof value === 'number' ? 'number' : typeof value === 'boolean' ? 'boolean' : value !== null && typeof value === 'object' ? 'json' : 'text', value, optional: true, allowed: [] }));
}

const written = (value: Json | undefined): string => (value === undefined || value === null ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value));

/** What was typed, with the inputs left out that keep their default. Errors: `ApiError` that names the input. */
export function typed(inputs: Input[], texts: Record<string, string>): Record<string, Json> {
  return Object.fromEntries(
    inputs.flatMap(({ name, kind, value, optional }): [string, Json][] => {
      const text = texts[name] ?? written(value);
      if (text === '' && kind !== 'text') {
        if (optional) return [];
        throw new ApiError(400, 'missing', `${name} is empty`);
      }
      if (text === written(value) && value !== undefined) return [[name, value]];
      if (text === '' && optional) return [];
      if (kind === 'boolean') return [[name, text === 'true']];
      if (kind === 'number' || kind === 'integer') {
        const number = Number(text);
        if (!Number.isFinite(number) || (kind === 'integer' && !Number.isInteger(number))) throw new ApiError(400, 'bad_input', `${name}: \`${text}\` is no ${kind}`);
        return [[name, number]];
      }
      if (kind !== 'json') return [[name, text]];
      try {
        return [[name, JSON.parse(text) as Json]];
      } catch (problem) {
        throw new ApiError(400, 'bad_input', `${name} is no JSON: ${String(problem).replace('SyntaxError: ', '')}`);
      }
    }),
  );
}

export function InputFields({ inputs, texts, onChange }: { inputs: Input[]; texts: Record<string, string>; onChange: (texts: Record<string, string>) => void }) {
  return inputs.map((input) => {
    const text = texts[input.name] ?? written(input.value);
    const set = (next: string) => onChange({ ...texts, [input.name]: next });
    const choices = input.kind === 'boolean' ? ['true', 'false'] : input.allowed.map(written);
    return (
      <Field key={input.name} label={input.name} note={input.kind === 'json' ? 'JSON' : input.kind === 'text' ? undefined : input.kind}>
        {choices.length > 0 ? (
          <select value={text} onChange={(event) => set(event.target.value)}>
            {!choices.includes(text) && <option value={text}>{text || '(none)'}</option>}
            {choices.map((choice) => <option key={choice} value={choice}>{choice}</option>)}
          </select>
        ) : input.kind === 'json' || text.includes('\n') ? (
          <textarea rows={Math.min(8, 2 + text.length / 70)} spellCheck={false} value={text} onChange={(event) => set(event.target.value)} />
        ) : (
          <input type="text" inputMode={input.kind === 'text' ? undefined : 'decimal'} value={text} onChange={(event) => set(event.target.value)} />
        )}
      </Field>
    );
  });
}

export function Start({ pipeline, onClose }: { pipeline: Pipeline; onClose: () => void }) {
  const [texts, setTexts] = useState<Record<string, string>>({});
  const [cache, setCache] = useState(true);
  const inputs = inputsOf(pipeline);
  const act = async () => {
    const given = typed(inputs, texts);
    const made = await call<{ id: string }>(`/pipelines/${enc(pipeline.name)}/runs`, { method: 'POST', body: { ...(pipeline.plan ? { inputs: given } : { params: given }), ...(cache ? {} : { no_cache: true }) } });
    navigate(`/pipeline-runs/${enc(made.id)}`);
  };
  return (
    <FormDialog title={`Run ${pipeline.name}`} submit="Run" failed="It was not started" stay act={act} onClose={onClose}>
      {pipeline.declared !== false && !pipeline.plan && <p className="soft">The newest {pipeline.dataset ?? 'dataset'} version and the code of the last apply are used.</p>}
      {inputs.length === 0 && <p className="muted">It takes no inputs.</p>}
      <InputFields inputs={inputs} texts={texts} onChange={setTexts} />
      <label className="row"><input type="checkbox" checked={cache} onChange={(event) => setCache(event.target.checked)} /> Take what did not change from the cache</label>
    </FormDialog>
  );
}
