// MLflow's client prints addresses of its own web app (`/#/experiments/1/runs/…`). Here they lead to the same thing.
import { enc } from './router';

const RULES: [RegExp, (parts: string[]) => string][] = [
  [/^#\/experiments\/[^/]+\/runs\/([^/?]+)\/artifacts/, ([run = '']) => `/runs/${run}?tab=artifacts`],
  [/^#\/experiments\/[^/]+\/runs\/([^/?]+)/, ([run = '']) => `/runs/${run}`],
  [/^#\/experiments\/([^/?]+)/, ([experiment = '']) => `/runs?experiment=${experiment}`],
  [/^#\/models\/([^/?]+)\/versions\/(\d+)/, ([model = '', version = '']) => `/models/${enc(decodeURIComponent(model))}?v=${version}`],
  [/^#\/models\/([^/?]+)/, ([model = '']) => `/models/${enc(decodeURIComponent(model))}`],
  [/^#\/models/, () => '/models'],
];

export function followMlflowLink(): void {
  for (const [pattern, to] of RULES) {
    const match = pattern.exec(location.hash);
    if (match) {
      history.replaceState(null, '', to(match.slice(1)));
      return;
    }
  }
}
