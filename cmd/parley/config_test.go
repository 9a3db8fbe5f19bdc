package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// decodeOver decodes a file over the defaults.
func decodeOver(t *testing.T, path string) Config {
	t.Helper()
	cfg := DefaultConfig()
	if err := decodeConfig(path, &cfg); err != nil {
		t.Fatal(err)
	}
	return cfg
}

// TestTheExampleIsTheDefault holds parley.example.yaml to the code: it decodes strictly, changes
// nothing, and leaves no key out.
func TestTheExampleIsTheDefault(t *testing.T) {
	t.Parallel()
	const example = "../../parley.example.yaml"
	got, want := decodeOver(t, example), DefaultConfig()
	got.SFU.PublicAddresses, want.SFU.PublicAddresses = nil, nil // an empty list is none
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the example says %+v, the default is %+v", got, want)
	}
	text, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keysOf(reflect.TypeFor[Config]()) {
		if !bytes.Contains(text, []byte(key+":")) {
			t.Errorf("the example leaves out %s", key)
		}
	}
}

// keysOf lists the YAML keys of a struct and those within.
func keysOf(of reflect.Type) []string {
	var keys []string
	for i := range of.NumField() {
		field := of.Field(i)
		keys = append(keys, strings.Split(field.Tag.Get("yaml"), ",")[0])
		inner := field.Type
		if inner.Kind() == reflect.Slice {
			inner = inner.Elem()
		}
		if inner.Kind() == reflect.Struct {
			keys = append(keys, keysOf(inner)...)
		}
	}
	return keys
}

func TestWhatIsPrintedCanBeRead(t *testing.T) {
	t.Parallel()
	var out, said bytes.Buffer
	a := &app{ctx: context.Background(), stdout: &out, stderr: &said, getenv: func(string) string { return "" }}
	if code := run(a, []string{"config", "print"}); code != exitDone {
		t.Fatal(code, said.String())
	}
	path := filepath.Join(t.TempDir(), "printed.yaml")
	if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	got, want := decodeOver(t, path), DefaultConfig()
	got.SFU.PublicAddresses, want.SFU.PublicAddresses = nil, nil
	if !reflect.DeepEqual(got, want) {
		t.Errorf("printed\n%s\nread %+v", out.String(), got)
	}
}

func TestTheEnvironmentCountsMost(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "parley.yaml")
	if err := os.WriteFile(path, []byte("listen: 127.0.0.1:1\ndata: /from/file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	a := &app{config: path, getenv: func(name string) string {
		return map[string]string{"PARLEY_DATA": "/from/environment"}[name]
	}}
	cfg, err := a.loadConfig()
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Listen != "127.0.0.1:1" || cfg.Data != "/from/environment" {
		t.Errorf("%+v", cfg)
	}
}

func FuzzConfig(f *testing.F) {
	f.Add("listen: x\n")
	f.Add("regions: [{name: a}, {name: a}]\n")
	f.Fuzz(func(_ *testing.T, text string) {
		cfg := DefaultConfig()
		if yaml.UnmarshalWithOptions([]byte(text), &cfg, yaml.Strict()) == nil {
			_ = cfg.Validate()
		}
	})
}

func FuzzScript(f *testing.F) {
	f.Add("speaker\tfile\tstart\nAnn\ta.wav\t1.5\n")
	f.Fuzz(func(t *testing.T, text string) {
		if s, err := parseScript(strings.NewReader(text), "fuzz"); err == nil && len(s.turns) == 0 {
			t.Error("a script of nothing")
		}
	})
}
