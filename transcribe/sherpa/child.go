package sherpa

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"time"

	"github.com/parley/parley"
)

// errEnded is what a request gets whose child ended while it listened: perhaps because of it.
var errEnded = errors.New("the speech engine ended while it listened")

// errDown is what a request gets that no child has seen.
func errDown(why string) error {
	return &parley.Error{Op: "ask speech engine", Kind: parley.Unavailable, Say: why}
}

// child is one process of the engine, seen from the parent. Its requests may come from any goroutine.
type child struct {
	command *exec.Cmd
	in      io.WriteCloser
	out     io.Reader
	stderr  io.Reader
	noise   noise // what came on stderr

	hello chan hello    // the greeting, once
	ended chan struct{} // closed when no answer will come any more

	writing sync.Mutex // one frame at a time; kill ends a write that blocks

	mu      sync.Mutex // guards everything below
	waiting map[uint32]chan frame
	last    uint32 // id of a request
	cause   error  // why it was killed or refused to serve; or nil
}

// startChild starts the process. The caller runs it, in the same goroutine and on a locked thread:
// Linux ends the child when the thread that started it ends.
func startChild(argv []string) (*child, error) {
	c := &child{
		command: exec.Command(argv[0], argv[1:]...), //nolint:gosec,noctx // our own binary; killed by run
		hello:   make(chan hello, 1), ended: make(chan struct{}), waiting: map[uint32]chan frame{},
	}
	c.command.SysProcAttr = childAttributes()
	var err error
	if c.in, err = c.command.StdinPipe(); err != nil {
		return nil, fmt.Errorf("start speech engine: %w", err)
	}
	if c.out, err = c.command.StdoutPipe(); err != nil {
		return nil, fmt.Errorf("start speech engine: %w", err)
	}
	if c.stderr, err = c.command.StderrPipe(); err != nil {
		return nil, fmt.Errorf("start speech engine: %w", err)
	}
	if err := c.command.Start(); err != nil {
		return nil, fmt.Errorf("start speech engine: %w", err)
	}
	return c, nil
}

// run reads what the child says until it ends, which the end of ctx hastens, and says why it did.
func (c *child) run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { c.kill(context.Cause(ctx)) })
	defer stop()
	var readers sync.WaitGroup
	readers.Go(func() { c.noise.read(c.stderr) })
	readers.Go(func() {
		if err := c.readAnswers(); err != nil {
			c.kill(err)
		}
		close(c.ended)
	})
	readers.Wait()
	err := c.command.Wait()
	_ = c.in.Close() // Wait did, unless it failed
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause != nil {
		return c.cause
	}
	return err
}

// kill ends the child at once: it keeps nothing that would have to be saved. The first cause counts.
func (c *child) kill(cause error) {
	c.mu.Lock()
	if c.cause == nil {
		c.cause = cause
	}
	c.mu.Unlock()
	_ = c.command.Process.Kill() // fails when it has ended by itself
}

// readAnswers gives every answer to the request that waits for it. It ends with the child's output.
func (c *child) readAnswers() error {
	in := bufio.NewReaderSize(c.out, 1<<16)
	for {
		f, err := readFrame(in)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read from speech engine: %w", err)
		}
		if f.id == 0 {
			if err := c.greeted(f); err != nil {
				return err
			}
			continue
		}
		c.mu.Lock()
		answer := c.waiting[f.id] // nil when nobody waits any more
		delete(c.waiting, f.id)
		c.mu.Unlock()
		if answer != nil {
			answer <- f // has room for it
		}
	}
}

// greeted takes what the child says of itself.
func (c *child) greeted(f frame) error {
	switch f.kind {
	case sayHello:
		h, err := parseHello(f.payload)
		if err != nil {
			return fmt.Errorf("read from speech engine: %w", err)
		}
		select {
		case c.hello <- h:
			return nil
		default:
			return errors.New("read from speech engine: a second hello")
		}
	case sayFailed:
		return errors.New(string(f.payload))
	default:
		return fmt.Errorf("read from speech engine: an unasked frame of kind %d", f.kind)
	}
}

// call asks the child and waits for its answer. A child that gives none within the deadline hangs,
// and is killed. When ctx ends first, the answer is dropped once it comes.
func (c *child) call(ctx context.Context, k kind, payload []byte, deadline time.Duration) (frame, error) {
	answer := make(chan frame, 1)
	c.mu.Lock()
	c.last++
	id := c.last
	c.waiting[id] = answer
	c.mu.Unlock()
	defer c.forget(id)

	hung := time.AfterFunc(deadline, func() { c.kill(fmt.Errorf("no answer within %v", deadline)) })
	defer hung.Stop()
	if err := c.send(frame{k, id, payload}); err != nil {
		return frame{}, errDown("the speech engine has just ended")
	}
	select {
	case f := <-answer:
		return c.checked(f)
	case <-ctx.Done():
		return frame{}, context.Cause(ctx)
	case <-c.ended:
	}
	select { // it may have answered just before it ended
	case f := <-answer:
		return c.checked(f)
	default:
		return frame{}, errEnded
	}
}

// checked makes an error of a failure. The id of the answer stays: it names a detector.
func (c *child) checked(f frame) (frame, error) {
	if f.kind == sayFailed {
		return f, fmt.Errorf("the speech engine refuses: %s", f.payload)
	}
	return f, nil
}

func (c *child) send(f frame) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	return writeFrame(c.in, f)
}

func (c *child) forget(id uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.waiting, id)
}
