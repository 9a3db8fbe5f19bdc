package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// TestComposeIsUsable reads docker-compose.yml as its specification says, and checks that what it sets
// exists.
func TestComposeIsUsable(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Services map[string]struct {
			Build       any               `yaml:"build"`
			Image       string            `yaml:"image"`
			Command     any               `yaml:"command"`
			Environment map[string]string `yaml:"environment"`
			Ports       []string          `yaml:"ports"`
			Volumes     []string          `yaml:"volumes"`
			Restart     string            `yaml:"restart"`
		} `yaml:"services"`
		Volumes map[string]any `yaml:"volumes"`
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	service, ok := file.Services["parley"]
	if !ok || service.Build == nil && service.Image == "" {
		t.Fatalf("no service parley in %+v", file)
	}
	source, err := os.ReadFile("config.go")
	if err != nil {
		t.Fatal(err)
	}
	known := regexp.MustCompile(`"(PARLEY_[A-Z_]+)"`).FindAllStringSubmatch(string(source), -1)
	for name := range service.Environment {
		if !slices.ContainsFunc(known, func(m []string) bool { return m[1] == name }) {
			t.Errorf("it sets %s, which parley does not read", name)
		}
	}
	port := regexp.MustCompile(`^([0-9.]+:)?\d+:\d+(/udp|/tcp)?$`)
	for _, p := range service.Ports {
		if !port.MatchString(p) {
			t.Errorf("port %q", p)
		}
	}
	for _, v := range service.Volumes {
		name, _, _ := strings.Cut(v, ":")
		if _, named := file.Volumes[name]; !named && !strings.HasPrefix(name, ".") && !strings.HasPrefix(name, "/") {
			t.Errorf("volume %q is not declared", name)
		}
	}
}
