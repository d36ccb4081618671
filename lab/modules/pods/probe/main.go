// Command probe shows from inside a pod what its network and its volumes let it do.
//
//	probe serve PORT            answers every TCP connection with one line
//	probe reach HOST:PORT       exits 0 when that line comes back within two seconds, 1 when it does not
//	probe write FILE            exits 0 when it can make the file, 1 when it cannot
package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"
)

const (
	greeting = "bulkhead-lab-probe\n"
	patience = 2 * time.Second
)

func main() {
	if len(os.Args) != 3 {
		fail("usage: probe serve PORT | probe reach HOST:PORT | probe write FILE")
	}
	switch os.Args[1] {
	case "serve":
		serve(os.Args[2])
	case "reach":
		reach(os.Args[2])
	case "write":
		write(os.Args[2])
	default:
		fail("unknown command " + os.Args[1])
	}
}

func serve(port string) {
	listener, err := net.Listen("tcp", ":"+port)
	if err != nil {
		fail(err.Error())
	}
	for {
		connection, err := listener.Accept()
		if err != nil {
			fail(err.Error())
		}
		go func() {
			defer connection.Close()
			_ = connection.SetDeadline(time.Now().Add(patience))
			_, _ = io.WriteString(connection, greeting)
		}()
	}
}

func reach(address string) {
	connection, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		fail(err.Error())
	}
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(patience))
	answer, err := io.ReadAll(connection)
	if err != nil {
		fail(err.Error())
	}
	if !strings.HasPrefix(string(answer), greeting) {
		fail(fmt.Sprintf("%s answered, but not as a probe does", address))
	}
	fmt.Println("reached", address)
}

func write(path string) {
	if err := os.WriteFile(path, []byte(greeting), 0o600); err != nil {
		fail(err.Error())
	}
}

func fail(reason string) {
	fmt.Fprintln(os.Stderr, reason)
	os.Exit(1)
}
