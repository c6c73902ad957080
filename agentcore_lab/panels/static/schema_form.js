import { h } from "./lab.js";

let forms = 0;

/** The type of a property, `null` aside: tools of Python often say `anyOf: [number, null]`. */
function typeOf(schema) {
  const plain = (schema.anyOf ?? schema.oneOf ?? []).find(({ type }) => type !== "null") ?? schema;
  const type = Array.isArray(plain.type) ? plain.type.find((each) => each !== "null") : plain.type;
  return { ...plain, default: schema.default, type, kind: plain.enum ? "enum" : ["string", "number", "integer", "boolean"].includes(type) ? type : "json" };
}

function control(schema, id, preset, required) {
  const { kind } = schema;
  const none = required || preset !== undefined ? [] : [h("option", { value: "" }, "not given")];
  if (kind === "enum") return h("select", { id, class: "acl-select" }, ...none, ...schema.enum.map((value) => h("option", { value: JSON.stringify(value), selected: value === preset }, String(value))));
  if (kind === "boolean") return h("input", { id, type: "checkbox", checked: preset === true });
  if (kind === "json") return h("textarea", { id, class: "acl-input acl-json", rows: 2, spellcheck: "false", placeholder: schema.type === "array" ? "[…]" : "{…}" }, preset === undefined ? "" : JSON.stringify(preset));
  const number = kind === "number" || kind === "integer";
  return h("input", { id, class: "acl-input", type: number ? "number" : "text", step: kind === "integer" ? 1 : "any", min: schema.minimum, max: schema.maximum, value: preset ?? null });
}

function read(field) {
  const { node, schema } = field;
  if (schema.kind === "boolean") return node.checked || field.required || schema.default !== undefined ? node.checked : undefined;
  if (schema.kind === "enum" && node.value) return JSON.parse(node.value);
  if (node.value === "") return schema.kind === "string" && field.required ? "" : undefined;
  if (schema.kind === "string") return node.value;
  if (schema.kind === "json") return JSON.parse(node.value);
  return Number(node.value);
}

/** A form made from a JSON schema's properties; `values()` gives them, or what is wrong: `{ values, problem }`. */
export function schemaForm(schema = {}) {
  const number = ++forms;
  const required = new Set(schema.required ?? []);
  const fields = Object.entries(schema.properties ?? {}).map(([name, property]) => {
    const told = typeOf(property);
    const id = `acl-form-${number}-${name}`;
    const node = control(told, id, property.default, required.has(name));
    const kind = told.kind === "json" ? `${told.type ?? "any"}, as JSON` : told.kind === "enum" ? "one of these" : told.kind;
    const label = h("label", { for: id, class: "acl-field-name" }, name, required.has(name) ? h("span", { class: "acl-warn" }, " required") : null);
    const about = h("span", { class: "acl-about" }, [kind, property.description].filter(Boolean).join(" · "));
    return { name, node, schema: told, required: required.has(name), row: h("div", { class: "acl-field" }, label, node, about) };
  });
  const node = h("div", { class: "acl-fields" }, ...(fields.length ? fields.map(({ row }) => row) : [h("p", { class: "acl-empty" }, "This tool takes no arguments.")]));

  function values() {
    const found = {};
    for (const field of fields) {
      let value;
      try {
        value = read(field);
      } catch {
        field.node.focus();
        return { problem: `${field.name} is not valid JSON.` };
      }
      if (value === undefined && field.required) {
        field.node.focus();
        return { problem: `${field.name} is required.` };
      }
      if (value !== undefined) found[field.name] = value;
    }
    return { values: found };
  }

  return { node, values };
}
