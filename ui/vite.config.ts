import { defineConfig } from "vite";
import { compressed } from "./compressed";

// Relative addresses: the page works behind a proxy that puts a path before it.
export default defineConfig({
  base: "./",
  plugins: [compressed()],
  esbuild: { jsx: "automatic", jsxImportSource: "preact", legalComments: "none" },
  build: {
    outDir: "../src/axm1_llm/page/built",
    emptyOutDir: true,
    target: ["chrome111", "firefox114", "safari16.4"],
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: false,
  },
});
