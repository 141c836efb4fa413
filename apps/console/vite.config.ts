import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** The pages keep to a strict content security policy: no inline script or style, nothing from another origin, no data: URL. */
export default defineConfig({
  root: 'src/web',
  base: '/',
  publicDir: false,
  plugins: [react()],
  build: {
    outDir: '../../dist/web',
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1_000,
  },
});
