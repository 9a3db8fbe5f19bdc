package main

import (
	"fmt"
	"time"

	"github.com/parley/parley"
	"github.com/parley/parley/signaling/auth"
)

// tokenCmd makes a bearer token for a program.
type tokenCmd struct {
	Meeting string        `required:"" placeholder:"MEETING" help:"The meeting it is for: the code in its link."`
	Scope   []string      `default:"publish,view" help:"What it allows: publish, view, host; separated by commas."`
	Name    string        `placeholder:"NAME" help:"The name the program has in the meeting."`
	For     time.Duration `default:"24h" help:"How long it is valid."`
}

// Help implements kong's HelpProvider.
func (*tokenCmd) Help() string {
	return `The token is printed alone on standard output. It is signed with the key in the data
directory, so run this with the configuration of the server that is to accept it.`
}

// Run implements the command.
func (c *tokenCmd) Run(a *app) error {
	cfg, err := a.loadConfig()
	if err != nil {
		return err
	}
	if c.For <= 0 {
		return &parley.Error{Op: "make token", Kind: parley.Invalid, Say: "--for is not a positive time"}
	}
	scopes, err := auth.ParseScopes(c.Scope)
	if err != nil {
		return err
	}
	key, err := auth.OpenKey(cfg.keyFile())
	if err != nil {
		return err
	}
	authority, err := auth.New(cfg.Auth, key, "http://localhost", nil) // a token names no address
	if err != nil {
		return err
	}
	token, err := authority.Token(auth.TokenSpec{
		Meeting: parley.MeetingID(c.Meeting), Scopes: scopes, Name: c.Name, Lifetime: c.For,
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(a.stdout, token)
	return err
}
