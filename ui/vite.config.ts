import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

// `vite --mode fake` shows the screens in a plain browser, on a backend in memory.
export default defineConfig(({ mode }) => ({
  plugins: [svelte()],
  base: "./",
  build: {
    target: "es2022",
    modulePreload: { polyfill: false },
    cssCodeSplit: false,
    rolldownOptions: {
      output: {
        codeSplitting: {
          // Each file is asked for by itself, so what is needed at once is in one.
          groups: [
            { name: "start", tags: ["$initial"] },
            { name: "controls", test: /node_modules/ },
          ],
        },
      },
    },
  },
  server: { host: "127.0.0.1", port: 5173, strictPort: true },
  resolve: mode === "test" ? { conditions: ["browser"] } : {},
  test: {
    // A busy machine is slow, not wrong.
    testTimeout: 30_000,
    environment: "jsdom",
    include: ["src/**/*.test.ts"],
    setupFiles: ["src/test-setup.ts"],
  },
}));
