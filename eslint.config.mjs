import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["node_modules/", "bench/results/"] },
  ...tseslint.configs.recommended,
  {
    rules: {
      // Pulumi's RPC objects and Docker's answers have no types of ours.
      "@typescript-eslint/no-explicit-any": "off",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_", ignoreRestSiblings: true }],
    },
  },
  {
    files: ["**/*.ts"],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: { "@typescript-eslint/no-floating-promises": "error" },
  },
  {
    files: ["components/**/*.ts", "nginx/**/*.ts"],
    rules: {
      "no-restricted-syntax": [
        "error",
        { selector: "NewExpression[callee.object.name='pulumi'][callee.property.name='Config']", message: "Only config.ts reads config." },
        { selector: "CallExpression[callee.property.name='getStack']", message: "Only config.ts knows the stack." },
      ],
    },
  },
  {
    // An Output is no Promise: an expectation inside apply fails nothing.
    files: ["test/**/*.test.ts"],
    rules: {
      "no-restricted-syntax": [
        "error",
        { selector: "CallExpression[callee.property.name='apply']", message: "Resolve outputs through test/support." },
      ],
    },
  },
);
