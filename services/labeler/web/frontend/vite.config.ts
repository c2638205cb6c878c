// Builds the page into ../static, under fixed names: what is checked in differs only where the page does.
import { defineConfig } from "vite";

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
    rollupOptions: {
      input: "index.html",
      output: { entryFileNames: "app.js", chunkFileNames: "[name].js", assetFileNames: "[name][extname]" },
    },
  },
  // index.html is served from the folder above; scripts find each other beside themselves.
  experimental: { renderBuiltUrl: (filename, { hostType }) => (hostType === "html" ? `static/${filename}` : { relative: true }) },
});
