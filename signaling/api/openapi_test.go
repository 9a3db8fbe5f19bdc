package api

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/parley/parley/signaling/auth"
)

// TestOpenAPIListsTheRoutes holds openapi.yaml to the routes, both ways.
func TestOpenAPIListsTheRoutes(t *testing.T) {
	t.Parallel()
	spec := readSpec(t)
	var described, served []string
	for path, item := range object(spec["paths"]) {
		for method := range object(item) {
			described = append(described, strings.ToUpper(method)+" "+path)
		}
	}
	for _, route := range (&server{}).routes() {
		served = append(served, route.pattern)
	}
	slices.Sort(described)
	slices.Sort(served)
	if !slices.Equal(described, served) {
		t.Errorf("openapi.yaml describes\n%s\nthe routes are\n%s",
			strings.Join(described, "\n"), strings.Join(served, "\n"))
	}
}

// TestAnswersFitOpenAPI checks real answers against the schemas: no field missing, none undescribed.
func TestAnswersFitOpenAPI(t *testing.T) {
	t.Parallel()
	spec := readSpec(t)
	h := newHouse(t)
	m := h.held()
	host := h.token(m.ID, auth.ScopeHost)
	browser := h.browser()
	h.ask(browser, "POST", "/api/v1/session", `{"name":"Kim"}`).want(200, "")
	h.ask(browser, "POST", "/api/v1/meetings", `{}`).want(201, "")
	bodies := map[string]string{
		"/api/v1/records/{id}/items":                `{"kind":"action","task":"call","due":"2026-03-09","evidence":["u1"],"quote":"the draft"}`,
		"/api/v1/records/{id}/items/{item}/changes": `{"op":"accept","revision":0}`,
		"/api/v1/extractions": `{"start":"2026-03-02T09:00:00Z","participants":[{"id":"p","name":"Nora Lind"}],"utterances":[
			{"id":"u","speaker":"p","start":0,"end":2,"text":"I will send the draft by Friday."}]}`,
	}
	for _, c := range []struct {
		method, path, at, status string
		header                   []string
	}{
		{"GET", "/api/v1/session", "/api/v1/session", "200", nil},
		{"POST", "/api/v1/session", "/api/v1/session", "200", nil},
		{"POST", "/api/v1/meetings", "/api/v1/meetings", "201", nil},
		{"GET", "/api/v1/meetings/{id}", "/api/v1/meetings/" + string(m.ID), "200", host},
		{"GET", "/api/v1/records", "/api/v1/records", "200", nil},
		{"GET", "/api/v1/records/{id}", "/api/v1/records/" + string(m.ID), "200", host},
		{"POST", "/api/v1/records/{id}/items", "/api/v1/records/" + string(m.ID) + "/items", "201", host},
		{"POST", "/api/v1/records/{id}/items/{item}/changes", "/api/v1/records/" + string(m.ID) + "/items/i2/changes", "200", host},
		{"POST", "/api/v1/extractions", "/api/v1/extractions", "200", nil},
		{"GET", "/api/v1/records/{id}/transcript", "/api/v1/records/" + string(m.ID) + "/transcript?format=json", "200", host},
		{"POST", "/api/v1/records/{id}/passes", "/api/v1/records/" + string(m.ID) + "/passes", "202", host},
		{"POST", "/api/v1/records/{id}/retry", "/api/v1/records/" + string(m.ID) + "/retry", "202", host},
		{
			"GET", "/api/v1/records/{id}/utterances/{utterance}/versions",
			"/api/v1/records/" + string(m.ID) + "/utterances/u1/versions", "200", host,
		},
	} {
		t.Run(c.method+" "+c.path, func(t *testing.T) {
			answer := h.ask(browser, c.method, c.at, bodies[c.path], c.header...)
			if fmt.Sprint(answer.status) != c.status {
				t.Fatalf("status %d: %s", answer.status, answer.body)
			}
			var value any
			answer.decode(&value)
			responses := object(object(object(object(spec["paths"])[c.path])[strings.ToLower(c.method)])["responses"])
			content := object(object(object(responses[c.status])["content"])["application/json"])
			for _, fault := range checker(spec).check("$", value, content["schema"]) {
				t.Error(fault)
			}
		})
	}
	t.Run("problems", func(t *testing.T) {
		answer := h.ask(browser, "GET", "/api/v1/records/none", "")
		var value any
		answer.decode(&value)
		schema := map[string]any{"$ref": "#/components/schemas/Problem"}
		for _, fault := range checker(spec).check("$", value, schema) {
			t.Error(fault)
		}
	})
}

func readSpec(t *testing.T) map[string]any {
	t.Helper()
	text, err := os.ReadFile("openapi.yaml")
	must(t, err)
	var spec any
	must(t, yaml.Unmarshal(text, &spec))
	text, err = json.Marshal(spec) // to plain maps
	must(t, err)
	var plain map[string]any
	must(t, json.Unmarshal(text, &plain))
	return plain
}

func object(node any) map[string]any {
	fields, _ := node.(map[string]any)
	return fields
}

// checker checks values against the part of JSON Schema that openapi.yaml uses.
type checker map[string]any

func (c checker) check(at string, value, node any) []string {
	schema := c.resolve(object(node))
	if len(schema) == 0 {
		return []string{at + ": is not described"}
	}
	if choices, ok := schema["anyOf"].([]any); ok {
		var faults []string
		for _, choice := range choices {
			if faults = c.check(at, value, choice); len(faults) == 0 {
				break
			}
		}
		return faults
	}
	switch value := value.(type) {
	case nil:
		return c.want(at, schema, "null")
	case string:
		faults := c.want(at, schema, "string")
		if allowed, ok := schema["enum"].([]any); ok && !slices.Contains(allowed, any(value)) {
			faults = append(faults, fmt.Sprintf("%s: %q is not one of %v", at, value, allowed))
		}
		return faults
	case bool:
		return c.want(at, schema, "boolean")
	case float64:
		return c.want(at, schema, "integer")
	case []any:
		faults := c.want(at, schema, "array")
		for i, item := range value {
			faults = append(faults, c.check(fmt.Sprintf("%s[%d]", at, i), item, schema["items"])...)
		}
		return faults
	default:
		return append(c.want(at, schema, "object"), c.fields(at, object(value), schema)...)
	}
}

func (c checker) fields(at string, value, schema map[string]any) []string {
	var faults []string
	for name, field := range value {
		faults = append(faults, c.check(at+"."+name, field, object(schema["properties"])[name])...)
	}
	required, _ := schema["required"].([]any)
	for _, name := range required {
		if _, ok := value[fmt.Sprint(name)]; !ok {
			faults = append(faults, fmt.Sprintf("%s: %s is missing", at, name))
		}
	}
	return faults
}

func (c checker) want(at string, schema map[string]any, kind string) []string {
	types, ok := schema["type"].([]any)
	if !ok {
		types = []any{schema["type"]}
	}
	if slices.Contains(types, any(kind)) {
		return nil
	}
	return []string{fmt.Sprintf("%s: is %s, described as %v", at, kind, types)}
}

// resolve follows $ref and joins allOf.
func (c checker) resolve(schema map[string]any) map[string]any {
	if ref, ok := schema["$ref"].(string); ok {
		node := any(map[string]any(c))
		for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
			node = object(node)[part]
		}
		return c.resolve(object(node))
	}
	parts, ok := schema["allOf"].([]any)
	if !ok {
		return schema
	}
	properties, required := map[string]any{}, []any{}
	for _, part := range parts {
		one := c.resolve(object(part))
		for name, field := range object(one["properties"]) {
			properties[name] = field
		}
		more, _ := one["required"].([]any)
		required = append(required, more...)
	}
	return map[string]any{"type": "object", "properties": properties, "required": required}
}
