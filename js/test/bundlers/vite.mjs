import { build } from 'vite'

await build({ root: 'app', base: './', logLevel: 'warn', build: { outDir: '../out/vite', emptyOutDir: true } })
