import { Empty, Page } from '../parts/basics';
import { Link } from '../router';

export default function Missing({ args: [path] }: { args: string[] }) {
  return (
    <Page title="No such page">
      <Empty title={`Nothing lives at ${path}`}>
        <p>
          <Link href="/">The loop</Link> leads to everything that there is; <kbd>/</kbd> searches by name or id.
        </p>
      </Empty>
    </Page>
  );
}
