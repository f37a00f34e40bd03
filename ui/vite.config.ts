import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

declare const process: { env: Record<string, string | undefined> };

// `npm run dev` serves the app with hot reload and sends API calls to a running server.
const server = process.env.MLWRIGHT_URL ?? 'http://127.0.0.1:5000';

// The server refuses calls from pages of other addresses; here they come from its own.
const forward = { target: server, changeOrigin: true, headers: { origin: server } };

export default defineConfig({
  plugins: [react()],
  build: {
    target: 'es2022',
    // The server embeds dist/: hashed names live in assets/ and are cached for ever.
    assetsDir: 'assets',
    // The Content-Security-Policy allows no inline data, so nothing is inlined.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 300,
  },
  server: { proxy: { '/api': forward, '/get-artifact': forward } },
});
