package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/parley/parley"
	"github.com/parley/parley/transcribe/model"
)

// modelsCmd looks after the speech models on this machine.
type modelsCmd struct {
	List   modelsListCmd   `cmd:"" help:"List the models that are known, and those that are installed."`
	Pull   modelsPullCmd   `cmd:"" help:"Fetch a model, or install one from a file carried here."`
	Verify modelsVerifyCmd `cmd:"" help:"Compare every file of the installed models with its checksum."`
	Rm     modelsRmCmd     `cmd:"" help:"Remove a model from the data directory."`
}

// shelf is where models are installed.
func (a *app) shelf() (model.Shelf, error) {
	cfg, err := a.loadConfig()
	return model.Shelf{Directory: filepath.Join(cfg.Data, "models")}, err
}

type modelsListCmd struct {
	JSON bool `help:"Print one JSON object a model, with the address, size and checksum of each file."`
}

// modelRow is one line of the list.
type modelRow struct {
	Name      string       `json:"name"`
	State     string       `json:"state"` // "ships", "installed", "known"
	Languages []string     `json:"languages"`
	Bytes     int64        `json:"bytes"`
	Licence   string       `json:"licence,omitempty"`
	Use       string       `json:"use,omitempty"`
	Files     []model.File `json:"files"`
}

// Run implements the command.
func (c *modelsListCmd) Run(a *app) error {
	shelf, err := a.shelf()
	if err != nil {
		return err
	}
	rows, err := listModels(shelf)
	if err != nil {
		return err
	}
	if !c.JSON {
		return printModels(a, rows)
	}
	for _, row := range rows {
		if err := printJSON(a.stdout, row); err != nil {
			return err
		}
	}
	return nil
}

// listModels lists what is known, then what was installed besides.
func listModels(shelf model.Shelf) ([]modelRow, error) {
	installed, err := shelf.List()
	if err != nil {
		return nil, err
	}
	beside := shippedModels()
	var rows []modelRow
	for _, k := range model.Table() {
		row := modelRow{
			Name: k.Name, State: "known", Languages: k.Languages, Bytes: k.Bytes(), Licence: k.Licence, Use: k.Use, Files: k.Files,
		}
		if beside != "" && model.VerifyFiles(filepath.Join(beside, k.Name), k.Files) == nil {
			row.State = "ships"
		}
		rows = append(rows, row)
	}
	for _, m := range installed {
		if i := slices.IndexFunc(rows, func(r modelRow) bool { return r.Name == m.Name }); i >= 0 {
			rows[i].State = "installed"
			continue
		}
		row := modelRow{Name: m.Name, State: "installed", Bytes: m.Bytes(), Use: "from " + m.Source, Files: m.Files}
		if streaming, err := model.StreamingIn(filepath.Join(shelf.Directory, m.Name)); err == nil {
			row.Use, row.Languages = "words while somebody speaks; "+row.Use, streaming.Languages
		}
		rows = append(rows, row)
	}
	for i := range rows {
		if rows[i].Languages == nil {
			rows[i].Languages = []string{}
		}
	}
	return rows, nil
}

// shippedModels is the directory of models beside the binary; "" where there is none.
func shippedModels() string {
	files, err := findSpeech("", "whisper-base")
	if err != nil {
		return ""
	}
	return files.Models
}

func printModels(a *app, rows []modelRow) error {
	var out strings.Builder
	fmt.Fprintf(&out, "%-14s %-10s %-10s %8s  %-8s %s\n", "model", "state", "languages", "size", "licence", "use")
	for _, r := range rows {
		languages := strings.Join(r.Languages, ",")
		if languages == "" {
			languages = "any"
		}
		fmt.Fprintf(&out, "%-14s %-10s %-10s %5.1f MB  %-8s %s\n", r.Name, r.State, languages, float64(r.Bytes)/1e6, r.Licence, r.Use)
		for _, f := range r.Files {
			fmt.Fprintf(&out, "    %-24s %10d  sha256 %s\n", f.Path, f.Bytes, f.SHA256)
			if f.URL != "" {
				fmt.Fprintf(&out, "    %-24s %s\n", "", f.URL)
			}
		}
	}
	_, err := fmt.Fprint(a.stdout, out.String())
	return err
}

type modelsPullCmd struct {
	Model  string `arg:"" name:"name|url" help:"A model of the list, or the address of an archive or .onnx file."`
	SHA256 string `name:"sha256" placeholder:"HASH" help:"The checksum it must have; needed for what is not in the list."`
	From   string `placeholder:"FILE" help:"Install this file instead of fetching one (no network is used)."`
	Name   string `help:"What to call the model; else the file's name without its ending."`
	Mirror string `placeholder:"URL" help:"Fetch the files of a listed model from URL/NAME/FILE instead of their own address."`
}

// Help implements kong's HelpProvider.
func (*modelsPullCmd) Help() string {
	return `What was cut goes on where it stopped when the command is given again. A model is there whole and
with the right checksum, or what was there before stays as it is.

  parley models pull whisper-base
  parley models pull https://example.org/model.tar.bz2 --sha256 7305f790...
  parley models pull my-model --from /media/usb/model.tar.bz2 --sha256 7305f790...`
}

// Run implements the command.
func (c *modelsPullCmd) Run(a *app) error {
	shelf, err := a.shelf()
	if err != nil {
		return err
	}
	name := c.Name
	if name == "" {
		name = model.NameOf(c.Model)
	}
	shown := newProgress(a.stderr, name, 0)
	defer shown.end()
	tell := func(done, total int64) { shown.reachOf(done, total) }
	known, isKnown := model.Find(c.Model)
	address := strings.HasPrefix(c.Model, "https://") || strings.HasPrefix(c.Model, "http://")
	switch {
	case c.From != "":
		err = shelf.InstallFile(c.From, c.SHA256, name)
	case isKnown && c.SHA256 != "":
		err = &parley.Error{Op: "pull model", Kind: parley.Invalid, Say: "the checksums of " + c.Model + " are known; leave --sha256 out"}
	case isKnown:
		name = known.Name
		err = shelf.PullKnown(a.ctx, model.NewFetcher(), known, c.Mirror, tell)
	case address:
		err = shelf.PullAddress(a.ctx, model.NewFetcher(), c.Model, c.SHA256, name, tell)
	default:
		err = &parley.Error{
			Op: "pull model", Kind: parley.Invalid,
			Say: c.Model + " is not in the list (parley models list); give its address and --sha256, or --from FILE",
		}
	}
	shown.end()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.stdout, "%s is installed in %s\n", name, filepath.Join(shelf.Directory, name))
	return err
}

type modelsVerifyCmd struct{}

// Run implements the command. Every model is looked at, also after a damaged one.
func (*modelsVerifyCmd) Run(a *app) error {
	shelf, err := a.shelf()
	if err != nil {
		return err
	}
	installed, err := shelf.List()
	if err != nil {
		return err
	}
	damaged := 0
	report := func(name, where string, err error) {
		say := "good"
		if err != nil {
			damaged++
			say = parley.SayOf(err)
		}
		_, _ = fmt.Fprintf(a.stdout, "%s in %s: %s\n", name, where, say) // the exit code tells as well
	}
	for _, m := range installed {
		report(m.Name, shelf.Directory, shelf.Verify(m.Name))
	}
	if beside := shippedModels(); beside != "" {
		for _, k := range model.Table() {
			report(k.Name, beside, model.VerifyFiles(filepath.Join(beside, k.Name), k.Files))
		}
	}
	if damaged > 0 {
		return &parley.Error{Op: "verify models", Kind: parley.Unavailable, Say: fmt.Sprintf("%d damaged", damaged)}
	}
	return nil
}

type modelsRmCmd struct {
	Name string `arg:"" help:"An installed model."`
}

// Run implements the command.
func (c *modelsRmCmd) Run(a *app) error {
	shelf, err := a.shelf()
	if err != nil {
		return err
	}
	if err := shelf.Remove(c.Name); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.stdout, "%s is removed\n", c.Name)
	return err
}
