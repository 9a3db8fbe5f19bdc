package turn

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/parley/parley"
)

// lookAgain is how often it is asked whether the certificate was renewed.
const lookAgain = time.Minute

// certificate is a pair of PEM files that are read again when they change.
type certificate struct {
	certFile, keyFile string

	mu      sync.Mutex // guards everything below; held over reading two small files
	loaded  *tls.Certificate
	changed time.Time // of certFile, when loaded
	looked  time.Time
}

// loadCertificate reads the files; Invalid names the one that cannot be used.
func loadCertificate(cfg Config) (*certificate, error) {
	c := &certificate{certFile: cfg.Certificate, keyFile: cfg.Key}
	if err := c.load(); err != nil {
		return nil, &parley.Error{
			Op: "load TURN certificate", Kind: parley.Invalid, Err: err,
			Say: fmt.Sprintf("turn.certificate %s and turn.key %s cannot be used.", cfg.Certificate, cfg.Key),
		}
	}
	return c, nil
}

func (c *certificate) load() error {
	info, err := os.Stat(c.certFile)
	if err != nil {
		return fmt.Errorf("read certificate: %w", err)
	}
	loaded, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("read certificate: %w", err)
	}
	c.loaded, c.changed = &loaded, info.ModTime()
	return nil
}

// get is tls.Config.GetCertificate. While a renewal is half written the old one goes on.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); now.Sub(c.looked) > lookAgain {
		c.looked = now
		if info, err := os.Stat(c.certFile); err == nil && !info.ModTime().Equal(c.changed) {
			_ = c.load()
		}
	}
	return c.loaded, nil
}
