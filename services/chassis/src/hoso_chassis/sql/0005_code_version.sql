-- The oldest code that can live with this database, by package; a code's version is the number of its newest migration file.
CREATE TABLE code_versions (
    package text PRIMARY KEY,
    min_code_version integer NOT NULL
);

-- What a migration says that older code cannot live with: SELECT require_code_version('hoso_dossier', 7);
CREATE FUNCTION require_code_version(of_package text, at_least integer) RETURNS void LANGUAGE sql AS $$
    INSERT INTO code_versions AS known (package, min_code_version) VALUES (of_package, at_least)
    ON CONFLICT (package) DO UPDATE SET min_code_version = greatest(known.min_code_version, at_least)
$$;
