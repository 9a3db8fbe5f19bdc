package parley_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/parley/parley"

// TestImportTable holds ARCHITECTURE.md's import table to the code, both ways: an import the table
// does not allow fails, and so does a row or an allowed import that no longer exists.
func TestImportTable(t *testing.T) {
	t.Parallel()
	table := readImportTable(t)
	code := listImports(t)
	for pkg, imports := range code {
		allowed, ok := table[pkg]
		if !ok {
			t.Errorf("package %s is not in the import table of ARCHITECTURE.md", pkg)
			continue
		}
		for _, imported := range imports {
			if !slices.Contains(allowed, imported) && !slices.Contains(allowed, "anything below") {
				t.Errorf("%s imports %s, which the table in ARCHITECTURE.md does not allow", pkg, imported)
			}
		}
		for _, name := range allowed {
			if name != "anything below" && !slices.Contains(imports, name) {
				t.Errorf("the table in ARCHITECTURE.md lets %s import %s, but it does not", pkg, name)
			}
		}
	}
	for pkg := range table {
		if _, ok := code[pkg]; !ok {
			t.Errorf("the table in ARCHITECTURE.md has a row for %s, which does not exist", pkg)
		}
	}
}

// TestRootStaysAPreface holds the root package to the standard library and to its size.
func TestRootStaysAPreface(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var lines, count int
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		lines += bytes.Count(text, []byte("\n"))
		count++
		for imported := range strings.Lines(string(text)) {
			if strings.HasPrefix(imported, "\t\"") && strings.Contains(imported, ".") {
				t.Errorf("%s imports %s: the root imports the standard library only", file, strings.TrimSpace(imported))
			}
		}
	}
	if count > 10 || lines > 1000 {
		t.Errorf("the root has %d files and %d lines; a preface has at most 10 and 1,000", count, lines)
	}
}

// TestFileSizes keeps every source file at a size one can read in one go.
func TestFileSizes(t *testing.T) {
	t.Parallel()
	err := filepath.WalkDir(".", func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && slices.Contains([]string{".git", "node_modules", "bin", "build", "data", "dist"}, entry.Name()) {
			return filepath.SkipDir
		}
		limit := 700
		switch {
		case strings.HasSuffix(path, "_test.go"), strings.HasSuffix(path, ".test.ts"):
			limit = 1000
		case !slices.Contains([]string{".go", ".ts", ".svelte", ".css"}, filepath.Ext(path)):
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if n := bytes.Count(text, []byte("\n")); n > limit && !bytes.HasPrefix(text, []byte("// Code generated")) {
			t.Errorf("%s has %d lines; the limit is %d", path, n, limit)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestNamedSymbolsExist checks that what ARCHITECTURE.md calls `file.go: Name` is there.
func TestNamedSymbolsExist(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`([a-z][a-zA-Z0-9/_-]*\\.(?:go|ts|svelte)): ([A-Za-z_]+)`").FindAllSubmatch(text, -1)
	if len(named) < 15 {
		t.Fatalf("ARCHITECTURE.md names %d symbols; the journeys name more", len(named))
	}
	for _, match := range named {
		source, err := os.ReadFile(string(match[1]))
		if err != nil {
			t.Errorf("ARCHITECTURE.md names %s: %v", match[1], err)
			continue
		}
		if !regexp.MustCompile(`\b` + string(match[2]) + `\b`).Match(source) {
			t.Errorf("ARCHITECTURE.md names %s in %s, which does not have it", match[2], match[1])
		}
	}
}

// readImportTable reads the rows `| package | imports |` under "## Imports": package paths in
// backquotes, the root written as `parley`.
func readImportTable(t *testing.T) map[string][]string {
	t.Helper()
	file, err := os.Open("ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	quoted := regexp.MustCompile("`([^`]+)`")
	table := map[string][]string{}
	inside := false
	for lines := bufio.NewScanner(file); lines.Scan(); {
		line := lines.Text()
		if strings.HasPrefix(line, "## ") {
			inside = line == "## Imports"
		}
		cells := strings.Split(line, "|")
		if !inside || len(cells) < 4 || !strings.Contains(cells[1], "`") {
			continue
		}
		var imports []string
		for _, name := range quoted.FindAllStringSubmatch(cells[2], -1) {
			imports = append(imports, name[1])
		}
		if strings.Contains(cells[2], "anything below") {
			imports = append(imports, "anything below")
		}
		for _, name := range quoted.FindAllStringSubmatch(cells[1], -1) {
			table[name[1]] = imports
		}
	}
	if len(table) == 0 {
		t.Fatal("ARCHITECTURE.md has no import table under \"## Imports\"")
	}
	return table
}

// listImports asks the go command what each package imports of parley's own, tests left out.
func listImports(t *testing.T) map[string][]string {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports,GoFiles", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	short := func(path string) string {
		if path == module {
			return "parley"
		}
		return strings.TrimPrefix(path, module+"/")
	}
	code := map[string][]string{}
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var pkg struct {
			ImportPath string
			Imports    []string
			GoFiles    []string
		}
		if err := decoder.Decode(&pkg); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if len(pkg.GoFiles) == 0 {
			continue // tests only: they may import anything
		}
		imports := []string{}
		for _, path := range pkg.Imports {
			if path == module || strings.HasPrefix(path, module+"/") {
				imports = append(imports, short(path))
			}
		}
		code[short(pkg.ImportPath)] = imports
	}
	if len(code) < 5 {
		t.Fatal(fmt.Errorf("go list shows %d packages", len(code)))
	}
	return code
}
