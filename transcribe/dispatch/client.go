package dispatch

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/parley/parley"
	"github.com/parley/parley/signaling/problem"
	"github.com/parley/parley/transcribe"
)

const (
	// claimWait is how long one request waits for a task at the server.
	claimWait = 20 * time.Second
	// claimTimeout and requestTimeout end a request whose connection was cut without a word. The second leaves
	// time to extend a lease by another connection.
	claimTimeout   = claimWait + exchangeTimeout
	requestTimeout = 6 * time.Second
	// answerPause is the time between two attempts to give an answer.
	answerPause = 500 * time.Millisecond
	dialTimeout = 10 * time.Second
)

// ClientConfig says where the server is and who asks.
type ClientConfig struct {
	URL   string // of the server, "https://meet.example.org"
	Token string
	// CA is a PEM file of the authorities that may have signed the server's certificate; "" for those of
	// this machine.
	CA string
	// Plain allows http to another machine: sound, words and the token then cross the network as they are.
	Plain bool
}

// Client gets tasks from a server elsewhere. It is safe for concurrent use.
type Client struct {
	base    string
	token   string
	http    *http.Client
	regions []parley.Region
}

var _ transcribe.Tasks = (*Client)(nil)

// Dial finds out what the server has for the token. It is Invalid when that can never work: a wrong address,
// token or version, a certificate nobody here knows; Unavailable when nobody answers.
func Dial(ctx context.Context, cfg ClientConfig) (*Client, error) {
	base, err := cfg.base()
	if err != nil {
		return nil, err
	}
	transport, err := cfg.transport()
	if err != nil {
		return nil, err
	}
	c := &Client{base: base, token: cfg.Token, http: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // the token goes nowhere else
	}}
	ctx, cancel := context.WithTimeout(ctx, claimTimeout)
	defer cancel()
	var hello greeting
	_, err = c.ask(ctx, http.MethodGet, "", nil, &hello)
	switch {
	case errors.Is(err, parley.NotFound):
		return nil, refused("the server lets no worker in from elsewhere; list one in transcribe.workers of its configuration", err)
	case errors.Is(err, parley.Unauthorized):
		return nil, refused("the server does not know the token", err)
	case err != nil:
		return nil, err
	case hello.Protocol != Protocol:
		return nil, refused(fmt.Sprintf("the server (%.40q) speaks worker protocol %d and this worker %d; run the same version of parley on both",
			hello.Version, hello.Protocol, Protocol), nil)
	case len(hello.Regions) == 0 || len(hello.Regions) > maxRegions:
		return nil, refused("the server has no region for the token", nil)
	}
	c.regions = hello.Regions
	return c, nil
}

// Regions are those the token is good for.
func (c *Client) Regions() []parley.Region { return c.regions }

func refused(say string, err error) error {
	return &parley.Error{Op: "reach server", Kind: parley.Invalid, Say: say, Err: err}
}

// base checks the address and gives it without a slash at its end.
func (cfg ClientConfig) base() (string, error) {
	u, err := url.Parse(cfg.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.User != nil {
		return "", refused("the server's address is not like https://meet.example.org", nil)
	}
	if u.Scheme == "http" && !cfg.Plain && !isLoopback(u.Hostname()) {
		return "", refused("the server's address is plain http: words would cross the network for all to read; use https, "+
			"or --plain where the network itself is encrypted", nil)
	}
	return strings.TrimSuffix(u.String(), "/"), nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// transport verifies certificates, and gives up on what does not answer.
func (cfg ClientConfig) transport() (*http.Transport, error) {
	t := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSHandshakeTimeout: dialTimeout,
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
		IdleConnTimeout:     time.Minute,
	}
	if cfg.CA == "" {
		return t, nil
	}
	roots, err := readAuthorities(cfg.CA)
	t.TLSClientConfig.RootCAs = roots
	return t, err
}

// errForeign is what else may answer at the address: a proxy whose server is away, a page.
func errForeign(say string) error {
	return &parley.Error{Op: "ask server", Kind: parley.Unavailable, Say: say}
}

// ask makes one exchange, which ends with ctx. into, or nil, is what a 200 has; found is false for a 204. What is no answer of
// parley's is Unavailable: a proxy says anything while its server is away.
func (c *Client) ask(ctx context.Context, method, path string, message any, into any) (found bool, err error) {
	text, err := json.Marshal(message)
	if err != nil {
		return false, fmt.Errorf("ask server: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.base+Path+path, bytes.NewReader(text)) //nolint:gosec // the operator names the server
	if err != nil {
		return false, fmt.Errorf("ask server: %w", err)
	}
	request.Header.Set("Authorization", "Bearer "+c.token)
	request.Header.Set("Content-Type", "application/json")
	response, err := c.http.Do(request) //nolint:gosec // as above
	if err != nil {
		if untrusted, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
			return false, refused("the server's certificate is not trusted here; --ca names the file of a private authority", untrusted)
		}
		return false, &parley.Error{Op: "ask server", Kind: parley.Unavailable, Say: "the server does not answer", Err: err}
	}
	defer func() { _ = response.Body.Close() }()
	media, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	switch {
	case response.StatusCode == http.StatusNoContent:
		return false, nil
	case response.StatusCode >= 300 && response.StatusCode < 400:
		return false, errForeign("the server's address leads elsewhere; use the one it leads to")
	case media == problem.ContentType:
		return false, problem.Read("ask server", response)
	case response.StatusCode != http.StatusOK || media != "application/json" || into == nil:
		return false, errForeign("what answers is no parley server, or its proxy does not reach it: " + response.Status)
	}
	return true, decode(response.Body, maxTask, into)
}

// Claim implements transcribe.Tasks.
func (c *Client) Claim(ctx context.Context, kind parley.JobKind, in parley.Region) (transcribe.Held, error) {
	asked := claim{Protocol: Protocol, Kind: kind, Region: in, WaitMS: claimWait.Milliseconds()}
	for {
		var got task
		found, err := c.askFor(ctx, claimTimeout, "/claims", asked, &got)
		if err != nil {
			return nil, err
		}
		if !found {
			continue // none came
		}
		made, err := got.task(kind, in)
		if err != nil {
			return nil, err
		}
		return &borrowed{c: c, lease: got.Lease, task: made}, nil
	}
}

// askFor sends a message, and waits for the answer so long.
func (c *Client) askFor(ctx context.Context, wait time.Duration, path string, message, into any) (found bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	return c.ask(ctx, http.MethodPost, path, message, into)
}

// borrowed is a task of a server elsewhere.
type borrowed struct {
	c     *Client
	lease string
	task  transcribe.Task
}

// Task implements transcribe.Held.
func (b *borrowed) Task() transcribe.Task { return b.task }

// Extend implements transcribe.Held.
func (b *borrowed) Extend(ctx context.Context) error { return b.send(ctx, "extension", struct{}{}) }

// Answer implements transcribe.Held. It goes on trying while the server is away, until ctx ends. A lease
// that is lost is no error: the answer has arrived before, or somebody else gives one.
func (b *borrowed) Answer(ctx context.Context, a transcribe.Answer) error {
	sent := wireAnswer(a)
	for {
		err := b.send(ctx, "answer", sent)
		if errors.Is(err, parley.Conflict) {
			return nil
		}
		if !errors.Is(err, parley.Unavailable) || ctx.Err() != nil {
			return err
		}
		select {
		case <-time.After(answerPause):
		case <-ctx.Done():
			return err
		}
	}
}

// Fail implements transcribe.Held.
func (b *borrowed) Fail(ctx context.Context, cause error) error {
	why := reasonSpeech
	if errors.Is(cause, parley.Unavailable) {
		why = reasonEngine
	}
	return b.send(ctx, "failure", failure{why})
}

func (b *borrowed) send(ctx context.Context, what string, message any) error {
	_, err := b.c.askFor(ctx, requestTimeout, "/leases/"+b.lease+"/"+what, message, nil)
	return err
}

// readAuthorities reads the certificates of a PEM file.
func readAuthorities(path string) (*x509.CertPool, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, refused("the file of authorities cannot be read", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, refused("the file of authorities, "+path+", has no certificate in it", nil)
	}
	return roots, nil
}
