// A form from the model's signature: one row is sent, and the prediction is shown with the way to its reasons.
import { useState } from 'react';
import { ApiError, call } from '../../api';
import { enc } from '../../router';
import { useApi } from '../../store';
import { Failure } from '../basics';

interface Field {
  type?: string;
  format?: string;
}

interface Document {
  paths: Record<string, { post: { requestBody: { content: Record<string, { schema: { oneOf: { properties: { dataframe_records?: { items: { properties: Record<string, Field>; required: string[] } } } }[] }; example?: { dataframe_records: Record<string, unknown>[] } }> } } }>;
}

export function TryIt({ endpoint }: { endpoint: string }) {
  const document = useApi<Document>(`/endpoints/${enc(endpoint)}/openapi`);
  const [values, setValues] = useState<Record<string, string>>({});
  const [answer, setAnswer] = useState<unknown>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const body = Object.values(document.data?.paths ?? {})[0]?.post.requestBody.content['application/json'];
  const record = body?.schema.oneOf[0]?.properties.dataframe_records?.items;
  const fields = Object.entries(record?.properties ?? {}).filter(([, field]) => field.type !== 'array');
  if (document.error) return <Failure error={document.error} />;
  if (fields.length === 0) return <p className="soft">This model takes tensors: ask it over the Open Inference Protocol.</p>;
  const example = body?.example?.dataframe_records[0] ?? {};
  const shown = (name: string) => values[name] ?? String(example[name] ?? '');
  const typed = (name: string, field: Field): unknown => {
    const text = shown(name);
    if (text === '') return null;
    if (field.type === 'number' || field.type === 'integer') return Number(text);
    if (field.type === 'boolean') return text === 'true';
    return text;
  };
  const send = async () => {
    setBusy(true);
    setError(null);
    try {
      const row = Object.fromEntries(fields.map(([name, field]) => [name, typed(name, field)]));
      const said = await call<{ predictions: unknown }>(`/endpoints/${enc(endpoint)}/predict`, { method: 'POST', body: { dataframe_records: [row] } });
      setAnswer(said.predictions);
    } catch (problem) {
      if (problem instanceof ApiError) setError(problem);
    } finally {
      setBusy(false);
    }
  };
  return (
    <form
      className="try-it"
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      <div className="try-it-fields">
        {fields.map(([name, field]) => (
          <label key={name}>
            <span>{name} <i className="muted">{field.format ?? field.type}</i></span>
            {field.type === 'boolean' ? (
              <select value={shown(name)} onChange={(event) => setValues({ ...values, [name]: event.target.value })}>
                <option value="false">false</option>
                <option value="true">true</option>
              </select>
            ) : (
              <input type="text" inputMode={field.type === 'string' ? 'text' : 'decimal'} value={shown(name)} onChange={(event) => setValues({ ...values, [name]: event.target.value })} />
            )}
          </label>
        ))}
      </div>
      <p><button type="submit" className="primary" disabled={busy}>Predict</button></p>
      {answer !== null && <pre aria-label="prediction">{JSON.stringify(answer, null, 1)}</pre>}
      {error && <Failure error={error} />}
    </form>
  );
}
