CREATE ROLE reader LOGIN PASSWORD 'postgres-password-4711';
CREATE ROLE writer LOGIN PASSWORD 'postgres-password-4711';
CREATE ROLE clear LOGIN PASSWORD 'postgres-password-4711';
CREATE ROLE tls_only LOGIN PASSWORD 'postgres-password-4711';
CREATE ROLE no_tls LOGIN PASSWORD 'postgres-password-4711';
CREATE ROLE super LOGIN SUPERUSER PASSWORD 'postgres-password-4711';
CREATE ROLE files LOGIN PASSWORD 'postgres-password-4711' IN ROLE pg_read_server_files;
CREATE ROLE programs LOGIN PASSWORD 'postgres-password-4711' IN ROLE pg_execute_server_program;
CREATE ROLE replica LOGIN REPLICATION PASSWORD 'postgres-password-4711';
CREATE ROLE become LOGIN NOINHERIT PASSWORD 'postgres-password-4711' IN ROLE super;
CREATE ROLE nobody NOLOGIN;
SET password_encryption = 'md5';
CREATE ROLE weak LOGIN PASSWORD 'postgres-password-4711';
RESET password_encryption;
CREATE DATABASE shop;
\connect shop
CREATE TABLE goods (id int PRIMARY KEY, name text, price numeric(8, 2));
INSERT INTO goods VALUES (1, 'tea', 2.50), (2, 'a "large", cup', NULL), (3, '', 0.10);
CREATE TABLE log (line text);
CREATE SEQUENCE counter;
CREATE FUNCTION write() RETURNS int LANGUAGE sql VOLATILE AS $$ INSERT INTO log VALUES ('written') RETURNING 1 $$;
CREATE FUNCTION write_as_owner() RETURNS int LANGUAGE sql VOLATILE SECURITY DEFINER AS $$ INSERT INTO log VALUES ('written') RETURNING 1 $$;
CREATE FUNCTION write_anyhow() RETURNS int LANGUAGE plpgsql AS $$ BEGIN
  PERFORM set_config('transaction_read_only', NULL, true);
  INSERT INTO log VALUES ('written');
  RETURN 1;
END $$;
CREATE FUNCTION move_anyhow() RETURNS int LANGUAGE plpgsql AS $$ BEGIN
  PERFORM set_config('transaction_read_only', NULL, true);
  RETURN nextval('counter');
END $$;
CREATE FUNCTION run(statement text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN EXECUTE statement; RETURN 'ran'; END $$;
CREATE TYPE mood AS ENUM ('fine', 'so-so');
CREATE TYPE point_in AS (x int, y text);
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
GRANT ALL ON ALL TABLES IN SCHEMA public TO writer;
GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO writer;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO PUBLIC;
GRANT TEMPORARY ON DATABASE shop TO PUBLIC;
