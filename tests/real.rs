//! Daemons as people run them, unchanged, from Debian's packages: started as a user starts them, spoken to, looked at,
//! stopped, and brought back.

mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};
use std::ops::Deref;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::atomic::{AtomicU8, Ordering};
use support::*;

/// A daemon that stays in the foreground.
struct Daemon {
    program: &'static str,
    /// Its arguments; FOLDER, ADDRESS and PORT are replaced.
    arguments: &'static [&'static str],
    /// What is said to it, and what is in its answer.
    talk: (&'static str, &'static str),
    /// What it writes to its standard output when it was spoken to.
    log: &'static str,
    /// How it ends by TERM.
    end: fn(ExitStatus) -> bool,
}

const GET: &str = "GET /hello HTTP/1.0\r\nHost: localhost\r\n\r\n";

/// A master that opens the port and workers that serve it; it writes its title over its arguments and environment.
const NGINX: Daemon = Daemon {
    program: "nginx",
    arguments: &["-e", "stderr", "-p", "FOLDER", "-c", "nginx.conf"],
    talk: (GET, "a page"),
    log: "GET /hello",
    end: |status| status.code() == Some(0),
};

/// nginx without workers: what is killed is what held the port.
const NGINX_ALONE: Daemon =
    Daemon { arguments: &["-e", "stderr", "-p", "FOLDER", "-c", "nginx.conf", "-g", "master_process off;"], ..NGINX };

/// One process with threads that catches TERM to save its data.
const REDIS: Daemon = Daemon {
    program: "redis-server",
    arguments: &["--port", "PORT", "--bind", "ADDRESS", "--save", "", "--dir", "FOLDER"],
    talk: ("PING\r\nQUIT\r\n", "+PONG"),
    log: "Ready to accept connections",
    end: |status| status.code() == Some(0),
};

/// A static program that catches nothing and forks for each connection.
const HTTPD: Daemon = Daemon {
    program: "busybox",
    arguments: &["httpd", "-f", "-vv", "-p", "ADDRESS:PORT", "-h", "FOLDER/pages"],
    talk: (GET, "a page"),
    log: "",
    end: |status| status.signal() == Some(libc::SIGTERM),
};

/// A port that nobody has, on an address of this test's own: on 127.0.0.1 somebody's connection may get it before the daemon.
fn free_socket() -> SocketAddrV4 {
    static NUMBER: AtomicU8 = AtomicU8::new(2);
    let [_, first, second, third] = (std::process::id() << 6).to_be_bytes();
    let address = Ipv4Addr::new(127, first, second, third | NUMBER.fetch_add(1, Ordering::Relaxed));
    let port = TcpListener::bind((address, 0)).unwrap().local_addr().unwrap().port();
    SocketAddrV4::new(address, port)
}

/// The place of a daemon that gives up the mark of its environment, and whose children may outlive it: what has its
/// standard error in the folder is ended, too.
struct House {
    place: Place,
    socket: SocketAddrV4,
}

impl House {
    fn new() -> House {
        let place = Place::new();
        let socket = free_socket();
        fs::create_dir(place.path("pages")).unwrap();
        place.file("pages/hello", "a page\n");
        let temporary =
            ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|name| format!("{name}_temp_path tmp;"));
        let server = format!("server {{ listen {socket}; root pages; }}");
        let http = format!("access_log /dev/stdout; {} {server}", temporary.concat());
        let root = "user root; daemon off; worker_processes 2; pid own.pid; error_log stderr;";
        place.file("nginx.conf", format!("{root} events {{}} http {{ {http} }}\n"));
        House { place, socket }
    }

    /// Starts `daemon`; what `dmz -P` printed.
    fn begin(&self, options: &[&str], daemon: &Daemon) -> Process {
        let folder = self.folder.to_str().unwrap();
        let (address, port) = (self.socket.ip().to_string(), self.socket.port().to_string());
        let fill = |word: &&str| word.replace("FOLDER", folder).replace("ADDRESS", &address).replace("PORT", &port);
        let mut command = self.dmz(["-P", "-p", "x.pid", "-a", "-o", "out", "-e", "err"]);
        command.args(options).arg("--").arg(daemon.program).args(daemon.arguments.iter().map(fill));
        self.started(&mut command)
    }

    /// Speaks to `daemon` until it gives the right answer.
    fn talk(&self, daemon: &Daemon) {
        let (question, answer) = daemon.talk;
        until(&format!("{answer} from {}", daemon.program), || {
            let mut stream = TcpStream::connect(self.socket).ok()?;
            stream.set_read_timeout(Some(DEADLINE)).unwrap();
            stream.write_all(question.as_bytes()).ok()?;
            let mut text = String::new();
            stream.read_to_string(&mut text).ok()?;
            text.contains(answer).then_some(())
        });
    }

    /// Everything that has its standard error in the folder.
    fn residents(&self) -> Vec<Process> {
        let all = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        let lives_here = |p: &i32| fs::read_link(format!("/proc/{p}/fd/2")).is_ok_and(|to| to == self.path("err"));
        all.filter(lives_here).map(Process).collect()
    }

    /// The process id in the pidfile.
    fn written(&self) -> Option<Process> {
        Some(Process(fs::read_to_string(self.path("x.pid")).ok()?.strip_suffix('\n')?.parse().ok()?))
    }
}

impl Deref for House {
    type Target = Place;

    fn deref(&self) -> &Place {
        &self.place
    }
}

impl Drop for House {
    fn drop(&mut self) {
        // What has the mark goes first: a monitor would start the rest again.
        self.processes().into_iter().for_each(Process::end);
        until("an empty house", || {
            let residents = self.residents();
            residents.iter().for_each(|process| process.end());
            residents.is_empty().then_some(())
        });
    }
}

/// Started, spoken to, found by its lock, refused a second time, stopped.
fn lives_under_its_pidfile(daemon: &Daemon) {
    if lacks(daemon.program) {
        return;
    }
    let house = House::new();
    let program = house.begin(&[], daemon);
    assert_pidfile(house.path("x.pid"), program);
    house.talk(daemon);
    assert_pidfile(house.path("x.pid"), program);
    assert_eq!(program.locked_descriptors().len(), 1, "it keeps the descriptor of the lock");
    until("its log", || fs::read_to_string(house.path("out")).unwrap().contains(daemon.log).then_some(()));

    let second = house.run(["-p", "x.pid", "--", daemon.program]);
    second.assert_failed(123, &format!("already running, PID {}", program.0));

    program.signal(libc::SIGTERM);
    let status = program.wait();
    assert!((daemon.end)(status), "{status:?}");
    assert_eq!(lock_owner(house.path("x.pid")), None, "the lock lives as long as the daemon");
    until("the end of its children", || house.residents().is_empty().then_some(()));

    let again = house.begin(&[], daemon);
    assert_pidfile(house.path("x.pid"), again);
    house.talk(daemon);
}

/// Killed under a monitor, back with another number and the pidfile right, stopped through the monitor.
fn comes_back(daemon: &Daemon) {
    if lacks(daemon.program) {
        return;
    }
    let house = House::new();
    let first = house.begin(&["-S", "-r"], daemon);
    let monitor = house.own(lock_owner(house.path("x.pid")).expect("the monitor holds the lock"));
    assert_ne!(monitor, first);
    assert_eq!(first.stat(4), i64::from(monitor.0), "the program is the monitor's child");
    house.talk(daemon);

    first.signal(libc::SIGKILL);
    let second = until("another one", || house.written().filter(|program| *program != first && program.is_alive()));
    house.talk(daemon);
    assert_eq!(house.written(), Some(second), "it was started again once");
    assert_eq!(second.stat(4), i64::from(monitor.0));
    assert_eq!(lock_owner(house.path("x.pid")), Some(monitor));

    monitor.signal(libc::SIGTERM);
    monitor.wait();
    assert_eq!((house.residents(), house.processes()), (vec![], vec![]), "the monitor leaves last");
    assert!(!house.path("x.pid").exists(), "the monitor removes the pidfile");
}

#[test]
fn nginx_lives_under_its_pidfile() {
    lives_under_its_pidfile(&NGINX);
}

#[test]
fn redis_lives_under_its_pidfile() {
    lives_under_its_pidfile(&REDIS);
}

#[test]
fn busybox_httpd_lives_under_its_pidfile() {
    lives_under_its_pidfile(&HTTPD);
}

#[test]
fn nginx_comes_back_under_a_monitor() {
    comes_back(&NGINX_ALONE);
}

#[test]
fn redis_comes_back_under_a_monitor() {
    comes_back(&REDIS);
}

#[test]
fn busybox_httpd_comes_back_under_a_monitor() {
    comes_back(&HTTPD);
}

#[test]
fn the_monitor_ends_the_workers_that_a_killed_nginx_leaves() {
    if lacks(NGINX.program) {
        return;
    }
    let house = House::new();
    let master = house.begin(&["-S"], &NGINX);
    let monitor = house.own(lock_owner(house.path("x.pid")).expect("the monitor holds the lock"));
    house.talk(&NGINX);
    until("two workers", || (house.residents().len() == 3).then_some(()));
    master.signal(libc::SIGKILL);
    monitor.wait();
    assert_eq!((house.residents(), house.processes()), (vec![], vec![]), "the monitor leaves last");
    assert!(!house.path("x.pid").exists(), "the monitor removes the pidfile");
}

#[test]
fn nginx_keeps_lock_and_number_when_it_loads_its_configuration_again() {
    if lacks(NGINX.program) {
        return;
    }
    let house = House::new();
    let master = house.begin(&[], &NGINX);
    house.talk(&NGINX);
    let workers = || house.residents().into_iter().filter(|process| *process != master).collect::<Vec<_>>();
    let old = until("two workers", || Some(workers()).filter(|workers| workers.len() == 2));
    master.signal(libc::SIGHUP);
    until("two others", || {
        let new = workers();
        (new.len() == 2 && !new.iter().any(|process| old.contains(process))).then_some(())
    });
    assert_pidfile(house.path("x.pid"), master);
    house.talk(&NGINX);
}

#[test]
fn a_child_that_redis_forks_to_save_does_not_touch_the_lock() {
    if lacks(REDIS.program) {
        return;
    }
    let house = House::new();
    let redis = house.begin(&[], &REDIS);
    house.talk(&REDIS);
    let save = Daemon { talk: ("BGSAVE\r\nQUIT\r\n", "+Background saving started"), ..REDIS };
    house.talk(&save);
    until("the data", || house.path("dump.rdb").exists().then_some(()));
    until("the end of the child", || (house.residents() == [redis]).then_some(()));
    assert_pidfile(house.path("x.pid"), redis);
}

#[test]
fn redis_runs_as_a_user_that_may_not_write_the_pidfile() {
    if lacks(REDIS.program) || lacks_root() {
        return;
    }
    let house = House::new();
    for name in ["out", "err"] {
        // The user's rights are what they are opened with; the folder is root's.
        std::os::unix::fs::chown(house.file(name, ""), Some(65534), Some(65534)).unwrap();
    }
    let redis = house.begin(&["-u", "65534:65534"], &REDIS);
    house.talk(&REDIS);
    assert_pidfile(house.path("x.pid"), redis);
    assert_eq!(redis.status("Uid").unwrap(), "65534\t65534\t65534\t65534");
    assert_eq!(redis.status("Gid").unwrap(), "65534\t65534\t65534\t65534");
    redis.signal(libc::SIGTERM);
    assert_eq!(redis.wait().code(), Some(0));
}
