// Builds the page into ../static, under fixed names: what is checked in differs only where the page does.
import { defineConfig } from "vite";

const NOTICE = "/*! Contains other people's work (Preact, idb, uPlot), under the licences of licenses.md beside this file. */";

export default defineConfig({
  base: "",
  build: {
    outDir: "../static",
    emptyOutDir: true,
    assetsDir: "",
    target: "es2022",
    cssCodeSplit: false,
    modulePreload: false,
    reportCompressedSize: false,
    license: { fileName: "licenses.md" }, // of what the page is made of, in full
    rollupOptions: {
      input: "index.html",
      output: { entryFileNames: "app.js", chunkFileNames: "[name].js", assetFileNames: "[name][extname]", postBanner: NOTICE },
    },
  },
  // index.html is served from the folder above; scripts find each other beside themselves.
  experimental: { renderBuiltUrl: (filename, { hostType }) => (hostType === "html" ? `static/${filename}` : { relative: true }) },
});
