import js from "@eslint/js";
import globals from "globals";

export default [
  { ignores: ["node_modules/", ".venv/", "venv/", "workspace/", "runs/", "demo/"] },
  js.configs.recommended,
  {
    languageOptions: { ecmaVersion: 2022, sourceType: "module" },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "array-callback-return": "error",
      eqeqeq: "error",
      "no-constructor-return": "error",
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-restricted-properties": [
        "error",
        { property: "innerHTML", message: "Names are shown as text: set textContent." },
        { property: "outerHTML", message: "Names are shown as text: set textContent." },
        { property: "insertAdjacentHTML", message: "Names are shown as text: use append." },
      ],
      "no-self-compare": "error",
      "no-shadow": "error",
      "no-template-curly-in-string": "error",
      "no-unmodified-loop-condition": "error",
      "no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_$" }],
      "no-use-before-define": ["error", { functions: false, classes: false, variables: false }],
      "no-var": "error",
      "prefer-const": ["error", { destructuring: "all" }],
      complexity: ["error", 15],
      "max-lines": ["error", { max: 450 }],
      "max-lines-per-function": ["error", { max: 70 }],
    },
  },
  { files: ["assets/**"], languageOptions: { globals: globals.browser } },
  { files: ["tests/js/**", "eslint.config.js"], languageOptions: { globals: { ...globals.node, document: "readonly", window: "writable" } } },
];
