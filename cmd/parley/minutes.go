package main

import (
	"fmt"
	"io"
	"os"

	"github.com/parley/parley"
	"github.com/parley/parley/transcribe/minutes"
)

// minutesCmd finds action items in transcripts and prints one prediction record a meeting.
type minutesCmd struct {
	In      string `required:"" placeholder:"FILE" help:"Transcripts, one JSON object a line; - is standard input."`
	Tier    string `enum:"proposed,suggested" default:"proposed" help:"proposed: few are wrong; suggested: also the less certain."`
	Explain bool   `help:"Also print the score and the cues behind each entry."`
}

// Run implements the command.
func (c *minutesCmd) Run(a *app) error {
	var in io.Reader = os.Stdin
	name := "standard input"
	if c.In != "-" {
		file, err := os.Open(c.In)
		if err != nil {
			return &parley.Error{Op: "read transcripts", Kind: parley.Invalid, Say: fmt.Sprintf("cannot read %s: %v", c.In, err)}
		}
		defer file.Close()
		in, name = file, c.In
	}
	rules, err := minutes.New()
	if err != nil {
		return fmt.Errorf("compile the cue tables: %w", err)
	}
	return minutes.Predict(a.ctx, rules, name, in, a.stdout, minutes.PredictOptions{
		Tier: minutes.Tier(c.Tier), Explain: c.Explain,
	})
}
